"""Planted faults: what careless code in a gateway might do, each of which a search has to find."""

from __future__ import annotations

import math
from dataclasses import replace

from mana_lab.gateway import calls, consents, once, quick, sessionguard, sessions, surface
from mana_lab.gateway import policy as rules
from mana_lab.gateway.spaces import SpaceResolver
from mana_lab.registry import backend, keys, records
from mana_lab.sync import replica as replicas
from mana_lab.sync.server.access import Access


class _Everything(dict):
    """A cache that has one place, whatever it is asked for."""

    def put(self, _key, value) -> None:
        self[""] = value

    def get(self, _key, default=None):
        return super().get("", default)

    def discard(self, _key) -> None:
        self.clear()


class _ByPart(_Everything):
    """A cache that looks at one part of its keys only."""

    def __init__(self, part) -> None:
        super().__init__()
        self._part = part

    def put(self, key, value) -> None:
        self[self._part(key)] = value

    def get(self, key, default=None):
        return dict.get(self, self._part(key), default)


class _Anybody(str):
    """A user id that is no other than anybody's."""

    __slots__ = ()

    def __ne__(self, _other) -> bool:
        return False

    __hash__ = str.__hash__


def _cached_in(monkeypatch, owner, name, cache) -> None:
    """Have objects of *owner* keep things in another cache than theirs."""
    real = owner.__init__

    def made(self, *args, **options) -> None:
        real(self, *args, **options)
        setattr(self, name, cache())

    monkeypatch.setattr(owner, "__init__", made)


def spaces_of_whoever_asked_last(monkeypatch):
    """The list of somebody's spaces is kept without saying whose it is."""
    _cached_in(monkeypatch, SpaceResolver, "_known", _Everything)


def spaces_by_user_alone(monkeypatch):
    """A session that was signed out lives on the answers that another one gets."""
    _cached_in(monkeypatch, SpaceResolver, "_known", lambda: _ByPart(lambda key: key[0]))


def spaces_for_ever(monkeypatch):
    """A membership that was true once is true for ever."""
    real = SpaceResolver.__init__
    monkeypatch.setattr(
        SpaceResolver, "__init__", lambda self, *parts: real(self, *parts[:-1], math.inf)
    )


def any_space_will_do(monkeypatch):
    """Neither the gateway nor the sync service asks who is a member."""

    async def space(self, principal, wanted):
        known = await self._ask(principal)
        if wanted in (None, *(each.id for each in known)):
            return next(e for e in known if wanted in (None, e.id))
        return known[0].model_copy(update={"id": wanted})

    async def allowed(_self, _claims, wanted):
        return frozenset(wanted)

    monkeypatch.setattr(SpaceResolver, "_space", space)
    monkeypatch.setattr(Access, "_allowed", allowed)


def sessions_without_an_owner(monkeypatch):
    """Whoever names a session is let into it."""
    real = sessions.SessionBook.find

    def find(self, session_id):
        session = real(self, session_id)
        if session is not None:
            session.user_id = _Anybody(session.user_id)
        return session

    monkeypatch.setattr(sessions.SessionBook, "find", find)


def sessions_that_survive_their_end(monkeypatch):
    """DELETE is answered, and the session goes on."""

    async def end(self, _session_id, _session) -> None:
        pass

    monkeypatch.setattr(sessionguard.SessionGuard, "_end", end)
    real = sessionguard.SessionGuard._use

    async def use(self, session_id, session, scope, receive, send) -> None:
        if scope["method"] == "DELETE":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await real(self, session_id, session, scope, receive, send)

    monkeypatch.setattr(sessionguard.SessionGuard, "_use", use)


def _as_at_the_start(monkeypatch, name) -> None:
    first: dict[bytes, object] = {}
    for module in (quick, surface):
        real = getattr(module, name)

        def captured(scope, real=real):
            session = dict(scope["headers"]).get(b"mcp-session-id")
            return real(scope) if session is None else first.setdefault(session, real(scope))

        monkeypatch.setattr(module, name, captured)


def principal_of_the_start(monkeypatch):
    """A session acts with the token that it began with."""
    _as_at_the_start(monkeypatch, "principal_of")


def space_of_the_start(monkeypatch):
    """A session acts in the space that it began in."""
    _as_at_the_start(monkeypatch, "space_of")


def keys_of_everybody(monkeypatch):
    """An idempotency key is the same one whoever uses it."""
    real = once._place
    monkeypatch.setattr(once, "_place", lambda call: {**real(call), "user_id": "everybody"})


def questions_for_anybody(monkeypatch):
    """A question that one was asked may be answered by another."""
    real = consents.Consents._binding
    monkeypatch.setattr(
        consents.Consents, "_binding", lambda self, matter: {**real(self, matter), "user": "x"}
    )


def questions_without_end(monkeypatch):
    """One yes is good for as many calls as one likes."""

    async def use(self, *_) -> None:
        pass

    monkeypatch.setattr(consents.Consents, "_use", use)


def leave_of_any_space(monkeypatch):
    """What one owner allows is allowed everywhere."""
    _cached_in(monkeypatch, rules.SpaceLeaves, "_known", _Everything)


def replicas_of_everybody(monkeypatch):
    """What one user pulled is shown to the next one too."""
    _cached_in(monkeypatch, backend.Backend, "_replicas", lambda: _ByPart(lambda key: key[1:3]))
    monkeypatch.setattr(records.Records, "_is_here", lambda _self, _record: True)


def replicas_of_all_spaces(monkeypatch):
    """What was pulled in one space stands in all spaces of the user."""
    _cached_in(monkeypatch, backend.Backend, "_replicas", lambda: _ByPart(lambda key: key[:3]))
    monkeypatch.setattr(records.Records, "_is_here", lambda _self, _record: True)


def replicas_that_are_not_refreshed(monkeypatch):
    """What was pulled once is shown to whoever is let in."""
    real = replicas.Replica.refresh

    async def refresh(self, token) -> None:
        if not self._cursor:
            await real(self, token)

    monkeypatch.setattr(replicas.Replica, "refresh", refresh)


def one_key_for_all_vaults(monkeypatch):
    """Everybody's values are encrypted with the key of whoever came first."""
    real = keys.MasterKeyClient.get_keys

    async def get_keys(self, user_id, token, *, unlike=None):
        own = await real(self, user_id, token, unlike=unlike)
        return self.__dict__.setdefault("_first", own)

    monkeypatch.setattr(keys.MasterKeyClient, "get_keys", get_keys)


def answers_by_what_was_asked(monkeypatch):
    """What a tool said is said again to whoever asks the same."""
    real = calls.Calls._done

    async def done(self, call, tool, key=None, acts_at=None):
        known = self.__dict__.setdefault("_known", {})
        if tool.spec.policy_hint != "read":
            return await real(self, call, tool, key, acts_at)
        asked = (call.name, repr(call.arguments))
        if asked not in known:
            known[asked] = await real(self, call, tool, key, acts_at)
        return known[asked]

    monkeypatch.setattr(calls.Calls, "_done", done)


def reports_to_whoever_asked_last(monkeypatch):
    """How far a tool is is told to the one who called last."""
    real = calls.Calls._done

    async def done(self, call, tool, key=None, acts_at=None):
        latest = self.__dict__.setdefault("_latest", [])

        async def report(progress, total=None, message=None) -> None:
            await latest[-1](progress, total, message)

        if call.report is None:
            return await real(self, call, tool, key, acts_at)
        latest.append(call.report)
        return await real(self, replace(call, report=report), tool, key, acts_at)

    monkeypatch.setattr(calls.Calls, "_done", done)


def failures_that_quote_the_last_one(monkeypatch):
    """An error says what the error before it was about."""
    real = calls.Calls._pointed_out

    def pointed_out(self, answer, line):
        answer = real(self, answer, line)
        if answer.get("isError"):
            before, self._failed = getattr(self, "_failed", ""), answer["content"][0]["text"]
            answer["content"] = [*answer["content"], {"type": "text", "text": before}]
        return answer

    monkeypatch.setattr(calls.Calls, "_pointed_out", pointed_out)


def tools_that_are_not_listed(monkeypatch):
    """A tool can be called that no list names."""
    real = surface._Surface.list_tools

    async def list_tools(self, ctx, params):
        page = await real(self, ctx, params)
        return page.model_copy(update={"tools": [t for t in page.tools if t.name != "test.echo"]})

    monkeypatch.setattr(surface._Surface, "list_tools", list_tools)


MUTANTS = (
    spaces_of_whoever_asked_last,
    spaces_by_user_alone,
    spaces_for_ever,
    any_space_will_do,
    sessions_without_an_owner,
    sessions_that_survive_their_end,
    principal_of_the_start,
    space_of_the_start,
    keys_of_everybody,
    questions_for_anybody,
    questions_without_end,
    leave_of_any_space,
    replicas_of_everybody,
    replicas_of_all_spaces,
    replicas_that_are_not_refreshed,
    one_key_for_all_vaults,
    answers_by_what_was_asked,
    reports_to_whoever_asked_last,
    failures_that_quote_the_last_one,
    tools_that_are_not_listed,
)
