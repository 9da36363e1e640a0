"""Who may call what: whatever is drawn, the gateway lists and does what a few lines here say."""

import asyncio
import json
from dataclasses import dataclass, replace
from itertools import product

import pytest
from gateway_house import (
    Nothing,
    from_stream,
    http_into,
    legacy,
    modern,
    open_house,
    open_session,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mana_lab.clock import ManualClock
from mana_lab.crypto import sign
from mana_lab.crypto.encoding import decode_base64url
from mana_lab.gateway import ERROR_META
from mana_lab.registry import ADMITTED, Done, Registry, ToolSpec

ELICITATION = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
YES = {"confirm": {"action": "accept", "content": {"confirm": True}}}
TOOLS = {
    f"{scope}.{hint}": (scope, hint)
    for scope, hint in product(("user", "admin"), ("read", "write", "destructive"))
}
PEOPLE = ("owner", "member", "outsider")


@dataclass(frozen=True)
class Case:
    """Who calls what, where, with what kind of token, and what was allowed and agreed to."""

    tool: str
    who: str
    role: str
    at_home: bool
    scope: str | None
    leave: bool
    agrees: bool
    era: str


CASES = st.builds(
    Case,
    tool=st.sampled_from(sorted(TOOLS)),
    who=st.sampled_from(PEOPLE),
    role=st.sampled_from(["user", "admin"]),
    at_home=st.booleans(),
    scope=st.sampled_from([None, "mcp:tools", "mcp:read", "mcp:read mcp:tools", "openid", ""]),
    leave=st.booleans(),
    agrees=st.booleans(),
    era=st.sampled_from(["modern", "legacy"]),
)


def becomes_of(case):
    """Say what has to become of a call: the policy in a few lines. The role changes nothing."""
    scope, hint = TOOLS[case.tool]
    reads = (scope, hint) == ("user", "read")
    good_for_it = {"mcp:tools", "mcp:read"} if reads else {"mcp:tools"}
    if case.scope is not None and not good_for_it & set(case.scope.split()):
        return "insufficient-scope"
    if case.who == "outsider" and not case.at_home:
        return "not-a-member"
    if scope == "admin":
        return "unknown-tool"
    if hint == "destructive" and not case.leave:
        return "forbidden"
    if hint == "destructive" and not (case.agrees and case.era == "modern"):
        return "asked"  # older clients are asked over a stream, which this test does not have
    return "done"


def has_to_list(case):
    """Say what has to be listed: all that users may call at all, to whoever may list."""
    listing = becomes_of(replace(case, tool="user.read")) == "done"
    return {name for name, (scope, _) in TOOLS.items() if scope == "user"} if listing else set()


class World:
    """A house with people in it, who have an own and a shared space."""

    def __init__(self, house, clock, users, team, key, done):
        self.house, self.clock, self.team, self.key, self.done = house, clock, team, key, done
        self.users = dict(zip(PEOPLE, users, strict=True))

    def token(self, case, scope):
        now = int(self.clock.now().timestamp())
        said = json.loads(decode_base64url(self.users[case.who].token.split(".")[1]))
        claims = said | {"iat": now, "exp": now + 900, "role": case.role}
        return sign(claims if scope is None else claims | {"scope": scope}, self.key)

    async def try_out(self, case):
        """Return what is listed, what becomes of the call, and which tools ran."""
        self.clock.advance(31)
        self.done.clear()
        user = self.users[case.who]
        space = user.personal_space if case.at_home else self.team
        owner = case.who if case.at_home else "owner"
        allowed = [name for name in TOOLS if "destructive" in name] if case.leave else []
        token = self.token(replace(case, who=owner), None)
        await self.house.identity.set_space_policy(token, space, allowed, acknowledged=True)
        headers = {"Authorization": f"Bearer {self.token(case, case.scope)}"}
        async with http_into(self.house.app, headers, **{"X-Mana-Space": space}) as http:
            send = await self.sender(case, http)
            listed = await send("tools/list")
            names = {each["name"] for each in listed.get("result", {}).get("tools", ())}
            answer = await send("tools/call", name=case.tool, arguments={})
            result = answer.get("result", {})
            if case.agrees and result.get("resultType") == "input_required":
                more = {"requestState": result["requestState"], "inputResponses": YES}
                answer = await send("tools/call", name=case.tool, arguments={}, **more)
        return names, came_of(answer), list(self.done)

    async def sender(self, case, http):
        if case.era == "modern":

            async def send_modern(method, **params):
                request = modern(method, **params)
                request["json"]["params"]["_meta"] |= ELICITATION
                return (await http.post("/mcp", **request)).json()

            return send_modern
        bearer = {"Authorization": f"Bearer {self.token(case, None)}"}
        async with http_into(self.house.app, bearer) as opening:
            session = await open_session(opening)

        async def send_legacy(method, **params):
            answer = await http.post("/mcp", **legacy(method, session, **params))
            return from_stream(answer) if answer.status_code == 200 else answer.json()

        return send_legacy


def came_of(answer):
    error = answer.get("error")
    if error is not None:
        return error if isinstance(error, str) else error["data"]["code"]
    result = answer["result"]
    if result.get("resultType") == "input_required":
        return "asked"
    if not result["isError"]:
        return "done"
    code = result["_meta"][ERROR_META]["code"]
    return "asked" if code == "confirmation-required" else code


def registry(done):
    def spec(name, scope, hint):
        async def handler(_given, _ctx):
            done.append(name)
            return Done()

        return ToolSpec(name, "Do it.", Nothing, Done, handler, policy_hint=hint, scope=scope)

    specs = [spec(name, scope, hint) for name, (scope, hint) in TOOLS.items()]
    return Registry(specs, admitted=dict.fromkeys(ADMITTED))


async def search(folder, examples):
    clock, done = ManualClock(), []
    async with open_house(folder, clock, registry=registry(done)) as house:
        users = [await house.user(name) for name in PEOPLE]
        team = await house.share("Team", *users[:2])
        world = World(house, clock, users, team, await house.signing_key(), done)
        for case in examples:
            listed, became, ran = await world.try_out(case)
            assert (case, listed) == (case, has_to_list(case))
            assert (case, became) == (case, becomes_of(case))
            assert ran == ([case.tool] if became == "done" else [])
            assert set(ran) <= listed


@pytest.mark.parametrize("batches", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_what_can_be_called_is_listed_and_both_are_what_the_policy_says(tmp_path_factory, batches):
    @settings(
        max_examples=batches,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # a failure names its case, however many were drawn with it
    )
    @given(st.lists(CASES, min_size=40, max_size=60))
    def holds(cases):
        asyncio.run(search(tmp_path_factory.mktemp("oracle"), cases))

    holds()


def test_the_cases_that_matter_most(tmp_path):
    """The way in of each rule, whatever is drawn."""
    good = Case("user.destructive", "member", "admin", False, "mcp:tools", True, True, "modern")
    changes = [
        {},
        {"tool": "user.read", "scope": "mcp:read"},
        {"tool": "user.write", "scope": "mcp:read"},
        {"tool": "admin.read"},
        {"tool": "admin.destructive", "scope": None, "who": "owner"},
        {"leave": False},
        {"agrees": False},
        {"era": "legacy"},
        {"who": "outsider"},
        {"who": "outsider", "at_home": True},
        {"scope": "openid"},
    ]
    cases = [replace(good, **each) for each in changes]
    asyncio.run(search(tmp_path, cases))
    assert {becomes_of(each) for each in cases} == {
        "done",
        "asked",
        "forbidden",
        "not-a-member",
        "unknown-tool",
        "insufficient-scope",
    }
