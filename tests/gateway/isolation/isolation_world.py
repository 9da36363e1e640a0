"""The world: people who use the app, what has to come of it, and what may not.

Every act is sent, the oracle says whether it had to get in, the model says what it had to return,
and all that came back is searched for what is somebody else's.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field

import isolation_wire as wire
from isolation_acts import ACTS, KEYED, Act, Occasion, Record, fails
from isolation_canaries import Canaries, FoundError, in_plaintext
from isolation_house import Login, Mana, SignIn, acting
from isolation_oracle import (
    Session,
    Space,
    Verdict,
    all_of,
    of_age,
    of_session,
    of_sign_in,
    of_space,
)

from mana_lab.crypto import CipherPolicy, FieldCipher, FieldPlace, is_encrypted
from mana_lab.errors import DecryptionError, ManaLabError
from mana_lab.gateway import IDEMPOTENCY_META

TOKEN_S = 900.0
_MAKE = {"modern": wire.modern, "legacy": wire.legacy}


@dataclass(frozen=True)
class Way:
    """How a request goes: with which token, in which era and session, to which space."""

    user: str
    login: Login
    era: str
    session: Session | None
    space: Space
    names_space: bool = True


@dataclass
class World:
    """Everybody, and all that happened so far."""

    mana: Mana
    canaries: Canaries = field(default_factory=Canaries)
    logins: dict[str, list[Login]] = field(default_factory=dict)
    spaces: dict[str, Space] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    cursors: list[tuple[str, str]] = field(default_factory=list)
    questions: list = field(default_factory=list)
    keyed: dict[tuple[str, str], tuple] = field(default_factory=dict)
    texts: dict[tuple, str] = field(default_factory=dict)
    pushed: Counter = field(default_factory=Counter)
    succeeded: Counter = field(default_factory=Counter)
    _signed_in: int = 0
    _office: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        day = self.mana.day
        for name, person in day.people.items():
            for secret in (person.id, person.email, person.personal_space):
                self.canaries.hide(secret, name)
            own = Space(person.personal_space, name, {name: None}, is_shared=False)
            self.spaces[name] = own
            self._enter(name, *day.tokens[name])
        *members, _ = day.people
        self.spaces["team"] = Space(day.team, members[0], dict.fromkeys(members), has_leave=True)
        self.canaries.hide(day.team, *members)

    @property
    def now(self) -> float:
        return self.mana.clock.monotonic()

    @property
    def people(self) -> list[str]:
        return list(self.mana.day.people)

    def spaces_of(self, user: str) -> list[Space]:
        return [space for space in self.spaces.values() if user in space.members()]

    def id_of(self, user: str) -> str:
        return self.mana.day.people[user].id

    # What people do at the identity service

    async def sign_in(self, user: str) -> Login:
        return self._enter(user, *await self.mana.login(user))

    async def refresh(self, login: Login) -> None:
        """Get another token of the same session; one that was signed out gives none."""
        try:
            pair = await self.mana.identity.refresh(login.refresh_token)
        except ManaLabError as error:
            if login.sign_in.ended_at is None:
                raise FoundError(f"{login.user} gets no fresh token: {error.code}") from error
            return
        if login.sign_in.ended_at is not None:
            raise FoundError(f"{login.user} was signed out and got a fresh token")
        self._keep(login.sign_in, pair.access_token, pair.refresh_token)

    async def sign_out(self, login: Login) -> None:
        if of_age(login, self.now).level == "yes" and login.sign_in.ended_at is None:
            await self.mana.identity.logout(login.token)
            login.sign_in.ended_at = self.now

    async def found(self, user: str) -> None:
        """Make a shared space."""
        name = f"club{len(self.spaces)}"
        token = await self._at_the_office(user)
        made = await self.mana.identity.create_space(token, name, name, "club")
        self.spaces[name] = Space(made.id, user, {user: None})
        self.canaries.hide(made.id, user)

    async def join(self, user: str, space: Space) -> None:
        if user in space.members():
            return
        identity, person = self.mana.identity, self.mana.day.people[user]
        host, guest = await self._at_the_office(space.owner), await self._at_the_office(user)
        asked = await identity.invite(host, space.id, person.email)
        await identity.accept_invitation(guest, asked.id)
        space.left_at[user] = None
        self.canaries.open_to(user, space.id)
        self.canaries.hide(space.id, user)

    async def leave(self, user: str, space: Space) -> None:
        if user in space.members() and user != space.owner:
            await self.mana.identity.leave_space(await self._at_the_office(user), space.id)
            space.left_at[user] = self.now

    async def _at_the_office(self, user: str) -> str:
        """Return a good token that is never shown to the gateway."""
        token, until = self._office.get(user, ("", 0.0))
        if self.now >= until:
            token, _ = await self.mana.login(user)
            self._office[user] = (token, self.now + TOKEN_S)
        return token

    def _enter(self, user: str, token: str, refresh_token: str) -> Login:
        self._signed_in += 1
        return self._keep(SignIn(self._signed_in, user), token, refresh_token)

    def _keep(self, sign_in: SignIn, token: str, refresh_token: str) -> Login:
        login = Login(sign_in, token, refresh_token, self.now + TOKEN_S)
        self.logins.setdefault(sign_in.user, []).append(login)
        for secret in (token, refresh_token):
            self.canaries.hide(secret, sign_in.user)
        return login

    # What they do at the gateway

    async def good_login(self, user: str) -> Login:
        """Return the latest token of *user* that is good, or a new one."""
        for login in reversed(self.logins[user]):
            if self._of_login(login).level == "yes":
                return login
        return await self.sign_in(user)

    async def open_session(self, login: Login) -> Session | None:
        answer = await self._send(login, wire.opening())
        verdict = self._of_login(login)
        self._hold(verdict, answer, "open a session")
        if answer.status != 200:
            return None
        session = Session(answer.header("mcp-session-id"), login.user)
        self.canaries.hide(session.id, login.user)
        self.sessions.append(session)
        return session

    async def close_session(self, login: Login, session: Session) -> None:
        answer = await self._send(login, wire.closing(session.id))
        verdict = all_of(
            [
                of_age(login, self.now),
                of_session(login.user, session, "legacy"),
                of_sign_in(login, self.now),
            ]
        )
        self._hold(verdict, answer, "close a session")
        self._learn_of(session, login, answer.status)
        if answer.status == 200:
            session.state = "closed"

    async def do(self, way: Way, act: str, *, key: str | None = None, turn: int = 0) -> None:
        """Do something, and hold what comes of it against what had to."""
        verdict = self.verdict(way)
        if verdict.level == "maybe" or act not in KEYED:
            key = None  # nobody can say afterwards whether the key was used
        planned = ACTS[act](Occasion(self, way, turn, key))
        era = planned.only_era or way.era
        if era != way.era:
            way = Way(way.user, way.login, era, None, way.space, way.names_space)
            verdict = self.verdict(way)
        answer = await self._send(way.login, self._request(way, planned, key))
        self._hold(verdict, answer, f"{way.user}: {act} in {way.space.id} ({way.era})")
        if way.session is not None:
            self._learn_of(way.session, way.login, answer.status)
        if answer.status in verdict.statuses and verdict.level != "yes":
            return
        if verdict.level == "maybe" and (answer.result.get("isError") or not answer.result):
            return
        self._settle(way, planned, key, answer)

    def verdict(self, way: Way) -> Verdict:
        return all_of(
            [
                of_age(way.login, self.now),
                of_session(way.user, way.session, way.era),
                of_sign_in(way.login, self.now),
                of_space(way.user, way.space, self.now),
            ]
        )

    async def together(self, ways: list[tuple[Way, str]]) -> None:
        """Do several things at once."""
        await asyncio.gather(*(self.do(way, act) for way, act in ways))

    async def settle_accounts(self) -> None:
        """Hold what is stored and what is audited against all that was done."""
        names = {self.id_of(user): user for user in self.people}
        pushes = {names[user]: number for user, number in (await self.mana.pushes()).items()}
        audited = {names[user]: n for user, n in (await self.mana.audited("success")).items()}
        if pushes != dict(+self.pushed):
            raise FoundError(f"stored {pushes}, done {dict(self.pushed)}")
        if audited != dict(+self.succeeded):
            raise FoundError(f"audited {audited}, done {dict(self.succeeded)}")
        await self._look_into_the_store()

    async def _look_into_the_store(self) -> None:
        """Hold what is stored to be sealed, each value with its author's own key."""
        authors = {self.id_of(user): user for user in self.people}
        ciphers = {
            user_id: FieldCipher(await self.mana.keys_of(user), CipherPolicy())
            for user_id, user in authors.items()
        }
        private = {self.spaces[user].id for user in self.people}
        for row in await self.mana.stored():
            if row["space_id"] not in private or row["table_name"] == "habits":
                continue
            readable = in_plaintext(json.dumps(row["data"]).encode())
            if readable:
                raise FoundError(f"{readable} can be read in the store")
            for name, value in (row["data"] or {}).items():
                if is_encrypted(value):
                    place = FieldPlace(
                        row["user_id"], row["app_id"], row["table_name"], row["record_id"], name
                    )
                    if not in_plaintext(
                        str(_opened(ciphers[row["user_id"]], value, place)).encode()
                    ):
                        raise FoundError(f"{name} of {row['record_id']} is not its author's")

    def _of_login(self, login: Login) -> Verdict:
        return all_of([of_age(login, self.now), of_sign_in(login, self.now)])

    def _request(self, way: Way, planned: Act, key: str | None) -> wire.Request:
        meta = dict(planned.meta)
        if key is not None:
            meta[IDEMPOTENCY_META] = key
        return _MAKE[way.era](
            planned.method,
            planned.params,
            space=way.space.id if way.names_space else None,
            meta=meta,
            session=None if way.session is None else way.session.id,
        )

    async def _send(self, login: Login, request: wire.Request) -> wire.Answer:
        acting.set(login.user)
        answer = await wire.send(self.mana.app, request, login.token)
        sent = request.body + json.dumps(request.headers).encode()
        self.canaries.search(login.user, answer.raw, sent)
        return answer

    def _hold(self, verdict: Verdict, answer: wire.Answer, what: str) -> None:
        got_in = answer.status in {200, 400}  # the judge looks at errors of the protocol
        if verdict.level == "yes" and not got_in:
            raise FoundError(f"{what} had to get in: {answer.raw!r}")
        if verdict.level == "no" and answer.status not in verdict.statuses:
            raise FoundError(f"{what} had to be refused with {verdict.statuses}: {answer.raw!r}")
        if verdict.level == "maybe" and not (got_in or answer.status in verdict.statuses):
            raise FoundError(f"{what} may be refused with {verdict.statuses}: {answer.raw!r}")

    def _learn_of(self, session: Session, login: Login, status: int) -> None:
        if session.owner != login.user or session.state == "closed":
            return
        if status == 404:
            session.state = "closed"
        elif status == 401 and of_age(login, self.now).level != "no":
            session.state = "murky"
        elif status == 200:
            session.state = "open"

    def _settle(self, way: Way, planned: Act, key: str | None, answer: wire.Answer) -> None:
        """Hold an answer against the model; of a call that is done again, against the first."""
        content = (planned.params.get("name"), way.space.id, repr(planned.params.get("arguments")))
        held = None if key is None else self.keyed.get((way.user, key))
        pushes = 0
        if held is None:
            pushes = planned.judge(answer)
            if key is not None:
                self.keyed[way.user, key] = (content, _said(answer))
        elif held[0] != content:
            fails(answer, "idempotency-conflict")
        elif _said(answer) != held[1]:
            raise FoundError(f"{way.user} did {content} again: {answer.raw!r} is not {held[1]}")
        if answer.result.get("isError") is False:
            self.succeeded[way.user] += planned.writes
            self.pushed[way.user] += pushes


def _opened(cipher: FieldCipher, value: str, place: FieldPlace) -> object:
    try:
        return cipher.open(value, place)
    except DecryptionError:
        return None


def _said(answer: wire.Answer) -> tuple:
    """Return what an answer says, in whatever era."""
    names = ("isError", "content", "structuredContent")
    return tuple(answer.result.get(name) for name in names)
