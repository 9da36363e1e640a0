"""The search: people who do whatever they can, in any order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from isolation_acts import ACTS, CALM, KEYED, READING, WRITING
from isolation_house import NEVER_S, FirstDay, Login, open_mana
from isolation_oracle import Session, Space
from isolation_world import Way, World

LIMITS = {
    "calls_per_minute": 10_000,
    "session_idle_s": NEVER_S,
    "session_lifetime_s": NEVER_S,
    "session_check_s": NEVER_S,
}
turns = st.integers(0, 7)
eras = st.sampled_from(["modern", "legacy"])
acts = st.sampled_from(list(ACTS))
pauses = st.sampled_from([0, 0, 10, 29, 30])
keys = st.sampled_from(["the key", "another key"])


class Search(RuleBasedStateMachine):
    """Everybody against everybody, one house for each example."""

    day: FirstDay

    def __init__(self) -> None:
        super().__init__()
        self._stack = AsyncExitStack()
        self._runner = asyncio.Runner()
        self._found_something = False
        opened = open_mana(self.day, **LIMITS)
        self.world = World(self._run(self._stack.enter_async_context(opened)))
        self.people = st.sampled_from(self.world.people)

    def teardown(self) -> None:
        try:
            if not self._found_something:
                self._run(self.world.settle_accounts())
        finally:
            self._run(self._stack.aclose())
            self._runner.close()

    # Within one's rights

    @rule(who=turns, era=eras, act=acts, where=turns, turn=turns)
    def use(self, who, era, act, where, turn) -> None:
        self._run(self._use(self._person(who), era, act, None, where, turn))

    @rule(who=turns, era=eras, act=st.sampled_from(WRITING), where=turns)
    def write(self, who, era, act, where) -> None:
        self._run(self._use(self._person(who), era, act, None, where, 0))

    @rule(who=turns, era=eras, act=st.sampled_from(READING), where=turns, turn=turns)
    def read(self, who, era, act, where, turn) -> None:
        self._run(self._use(self._person(who), era, act, None, where, turn))

    @rule(who=turns, era=eras, act=st.sampled_from(KEYED), key=keys, where=turns, turn=turns)
    def use_under_a_key(self, who, era, act, key, where, turn) -> None:
        self._run(self._use(self._person(who), era, act, key, where, turn))

    @rule(who=turns, act=st.sampled_from(["ask", "agree", "agree"]), turn=st.integers(0, 3))
    def delete(self, who, act, turn) -> None:
        user = self._person(who)
        self._run(self._use_space(user, "modern", act, None, self.world.spaces["team"], turn))

    @rule(acts=st.lists(st.sampled_from(CALM), min_size=3, max_size=3), era=eras)
    def use_all_at_once(self, acts, era) -> None:
        self._run(self._together(era, acts))

    @rule(who=turns, what=st.sampled_from(["sign_in", "refresh", "sign_out"]), turn=turns)
    def go_through_the_door(self, who, what, turn) -> None:
        user = self._person(who)
        if what == "sign_in":
            self._run(self.world.sign_in(user))
        else:
            self._run(getattr(self.world, what)(self._old_login(user, turn)))

    @rule(seconds=st.sampled_from([1, 10, 29, 30, 600, 901]))
    def wait(self, seconds) -> None:
        self.world.mana.clock.advance(seconds)

    @rule(who=turns, what=st.sampled_from(["join", "leave", "found"]), where=turns)
    def move(self, who, what, where) -> None:
        user = self._person(who)
        if what == "found":
            self._run(self.world.found(user))
        else:
            self._run(getattr(self.world, what)(user, self._shared(where)))

    # Beyond them

    @rule(who=turns, era=eras, act=acts, after=pauses, turn=turns)
    def name_a_foreign_space(self, who, era, act, after, turn) -> None:
        """Name a space that one is not in, rather one that one was in."""
        user = self._person(who)
        foreign = [each for each in self.world.spaces.values() if user not in each.members()]
        foreign.sort(key=lambda space: user not in space.left_at)
        self.wait(after)
        self._run(self._use_space(user, era, act, None, foreign[turn // 4 % len(foreign)], turn))

    @precondition(lambda self: self.world.sessions)
    @rule(who=turns, era=eras, act=acts, which=turns, turn=turns)
    def take_any_session(self, who, era, act, which, turn) -> None:
        session = self.world.sessions[-1 - which % len(self.world.sessions)]
        self._run(self._use_in(self._person(who), era, act, session, turn))

    @precondition(lambda self: self.world.sessions)
    @rule(who=turns, which=turns)
    def close_any_session(self, who, which) -> None:
        session = self.world.sessions[-1 - which % len(self.world.sessions)]
        self._run(self._close(self._person(who), session))

    @rule(who=turns, era=eras, act=acts, after=pauses, turn=turns, is_lively=st.booleans())
    def use_an_old_token(self, who, era, act, after, turn, is_lively) -> None:
        """Use a token, rather one that was signed out, perhaps while others of one's are used."""
        user = self._person(who)
        login = self._old_login(user, turn)
        self.wait(after)
        if is_lively:
            self._run(self._use(user, "modern", "list spaces", None, 0, turn))
        self._run(self._with(login, era, act, turn))

    # How

    def _run(self, what):
        try:
            return self._runner.run(what)
        except BaseException:
            self._found_something = True
            raise

    def _person(self, who: int) -> str:
        return self.world.people[who % len(self.world.people)]

    def _shared(self, where: int) -> Space:
        shared = [space for space in self.world.spaces.values() if space.is_shared]
        return shared[where % len(shared)]

    def _old_login(self, user: str, turn: int) -> Login:
        known = sorted(self.world.logins[user], key=lambda login: login.sign_in.ended_at or -1.0)
        return known[-1 - turn % len(known)]

    async def _use(self, user, era, act, key, where, turn) -> None:
        spaces = self.world.spaces_of(user)
        await self._use_space(user, era, act, key, spaces[where % len(spaces)], turn)

    async def _use_space(self, user, era, act, key, space, turn) -> None:
        login = await self.world.good_login(user)
        session = await self._own_session(login, turn) if era == "legacy" else None
        names_space = space is not self.world.spaces[user] or turn % 2 == 0
        way = Way(user, login, era, session, space, names_space)
        await self.world.do(way, act, key=key, turn=turn)

    async def _use_in(self, user, era, act, session: Session, turn) -> None:
        login = await self.world.good_login(user)
        way = Way(user, login, era, session, self.world.spaces[user])
        await self.world.do(way, act, turn=turn)

    async def _close(self, user, session: Session) -> None:
        await self.world.close_session(await self.world.good_login(user), session)

    async def _with(self, login: Login, era, act, turn) -> None:
        session = None
        if era == "legacy":
            session = await self._own_session(await self.world.good_login(login.user), turn)
        way = Way(login.user, login, era, session, self.world.spaces[login.user])
        await self.world.do(way, act, turn=turn)

    async def _together(self, era, acts) -> None:
        ways = []
        for user, act in zip(self.world.people, acts, strict=False):
            login = await self.world.good_login(user)
            session = await self._own_session(login, 0) if era == "legacy" else None
            way = Way(user, login, era, session, self.world.spaces[user])
            ways.append((way, act))
        await self.world.together(ways)

    async def _own_session(self, login: Login, turn: int) -> Session:
        """Return a session that *login*'s user has open, or a new one."""
        own = [
            each
            for each in self.world.sessions
            if each.owner == login.user and each.state == "open"
        ]
        if own and turn < 7:
            return own[-1 - turn % len(own)]
        opened = await self.world.open_session(login)
        assert opened is not None
        return opened


def searching(day: FirstDay) -> type[Search]:
    """Return the search, in a world that begins on the morning after that day."""
    return type("Search", (Search,), {"day": day})
