"""The official conformance suite, through everything that stands in front of our own tools."""

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import httpx
import pytest
from gateway_house import GATEWAY, ISSUER, SYNC, User, legacy, modern, open_house
from pydantic import Field
from serving_house import served
from sqlalchemy import select
from starlette.applications import Starlette
from suite_server import suite_server

from mana_lab.crypto import TokenVerifier
from mana_lab.gateway import GatewayConfig
from mana_lab.gateway.app import behind_the_door, make_desk
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.calls import Call, Calls
from mana_lab.gateway.spaces import space_of
from mana_lab.gateway.tables import ATTEMPTS
from mana_lab.registry import ADMITTED, Backend, Done, Registry, ToolContext, ToolInput, tool
from mana_lab.storage import Store
from mana_lab.sync.client import SyncClient
from mana_lab.tools import default_registry

pytestmark = [
    pytest.mark.slow,
    # The suite still asks for what is deprecated: logging, sampling and roots.
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
PACKAGE = "@modelcontextprotocol/conformance"
REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
"""How many scenarios a revision of the specification requires; it is frozen."""
NOT_OFFERED = {
    "server-sse-polling",  # needs streams that can be resumed, which would cross users
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-status-notifications",
    "tasks-wire-fields",
}
"""What the suite tries beyond the requirements, and this server does not claim."""


def signed_in(app, user):
    """Show the token of *user* with every request; the suite cannot send one itself."""
    shown = (b"authorization", f"Bearer {user.token}".encode())

    async def with_token(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], shown]}
        await app(scope, receive, send)

    return with_token


class Fixture(ToolInput):
    name: Annotated[str, Field(description="What the suite calls.")]


@tool("suite.call", policy_hint="read")
async def suite_call(_given: Fixture, _ctx: ToolContext) -> Done:
    """Let a fixture of the suite be called."""
    return Done()


@dataclass
class Suite:
    """The suite's fixtures behind the gateway's door, policy and audit."""

    app: Starlette
    anna: User
    store: Store

    async def attempts(self):
        """Return who called, and what was decided by which rule."""
        columns = ATTEMPTS.c.principal, ATTEMPTS.c.decision, ATTEMPTS.c.rule
        return await self.store.read(
            lambda connection: [tuple(row) for row in connection.execute(select(*columns))]
        )


@asynccontextmanager
async def open_suite(house, clock, **limits):
    """Run the suite's server; each call of a fixture is decided about like one of a tool."""
    config = GatewayConfig(resource_url=f"{GATEWAY}/mcp", authorization_server=ISSUER, **limits)
    desk = make_desk(config, house.memory, house.identity, clock)
    transport = httpx.ASGITransport(house.identity_service)
    async with httpx.AsyncClient(transport=transport) as http:
        backend = Backend(house.identity, SyncClient(SYNC, http, "gateway"), clock=clock)
        registry = Registry([suite_call], admitted=dict.fromkeys(ADMITTED))
        calls = Calls(registry, backend, desk)

        def decided(call):
            async def checked(ctx, params):
                scope = ctx.request.scope
                asked = {"name": params.name}
                answer = await calls.call(
                    Call("suite.call", asked, principal_of(scope), space_of(scope))
                )
                return answer if answer.get("isError") else await call(ctx, params)

            return checked

        app = behind_the_door(
            suite_server(decided),
            verifier=TokenVerifier(
                f"{ISSUER}/api/auth/jwks", http, issuer=ISSUER, audience="mana", clock=clock
            ),
            identity=house.identity,
            config=config,
            clock=clock,
            desk=desk,
            about={},
            checks={},
        )
        yield Suite(app, await house.user("anna"), house.memory.store)


def scenarios_of(text, part):
    """Return the names in one part of a requirements file."""
    [block] = re.findall(rf"^{part}:\n((?:[ #].*\n|\n)*)", text, flags=re.MULTILINE)
    return re.findall(r"^  - (?:scenario: )?([a-z0-9/-]+)$", block, flags=re.MULTILINE)


def read_checks(folder):
    """Return the checks of each scenario that ran."""
    name = re.compile(r"server-(.+?)-\d{4}-\d{2}-\d{2}T.*")
    return {
        name.fullmatch(each.parent.name)[1]: json.loads(each.read_text(encoding="utf-8"))
        for each in folder.glob("*/checks.json")
    }


@pytest.mark.parametrize("revision", REQUIRED)
async def test_every_required_scenario_passes_behind_authentication_and_policy(
    node, house, clock, tmp_path, revision
):
    requirements = node.script(PACKAGE, f"requirements/{revision}.yaml").read_text(encoding="utf-8")
    required = scenarios_of(requirements, "server")
    assert len(required) == REQUIRED[revision]
    async with (
        open_suite(house, clock, calls_per_minute=1000) as suite,
        served(signed_in(suite.app, suite.anna)) as url,
    ):
        program = node.script(PACKAGE, "dist/index.js")
        options = ("--url", f"{url}/mcp", "--requirements", revision, "-o", tmp_path / "results")
        done = await node.run(program, "server", *options, cwd=tmp_path)
    assert done.status == 0, done.out + done.errors
    # What the suite sends amiss on purpose is refused by the protocol, not by the policy.
    amiss = (suite.anna.id, "deny", "not-a-request")
    elsewhere = ("", "deny", "misdirected-request")
    assert set(await suite.attempts()) - {amiss} == {(suite.anna.id, "allow", "clean"), elsewhere}
    ran = read_checks(tmp_path / "results")
    assert set(required) <= set(ran)
    assert set(ran) - set(required) <= set(scenarios_of(requirements, "not_scored"))
    told = {
        scenario: [check for check in checks if check["status"] not in {"SUCCESS", "INFO"}]
        for scenario, checks in ran.items()
        if scenario not in NOT_OFFERED
    }
    assert {scenario: checks for scenario, checks in told.items() if checks} == {}
    assert all(checks for checks in ran.values())


async def test_who_shows_no_token_reaches_none_of_it(house, clock):
    async with (
        open_suite(house, clock) as suite,
        served(suite.app) as url,
        httpx.AsyncClient() as http,
    ):
        for request in (modern("tools/list"), modern(name="test_simple_text"), legacy("ping")):
            assert (await http.post(f"{url}/mcp", **request)).status_code == 401
    assert set(await suite.attempts()) == {("", "deny", "unauthenticated")}


async def test_the_policy_decides_about_what_the_suite_calls(house, clock):
    async with (
        open_suite(house, clock, calls_per_minute=1) as suite,
        served(signed_in(suite.app, suite.anna)) as url,
        httpx.AsyncClient() as http,
    ):
        answers = [
            (await http.post(f"{url}/mcp", **modern(name="test_simple_text"))).json()["result"]
            for _ in range(2)
        ]
    assert [bool(answer.get("isError")) for answer in answers] == [False, True]
    assert [rule for *_, rule in await suite.attempts()] == ["clean", "rate-limit-exceeded"]


OWN = {
    "2025-11-25": (
        "server-initialize",
        "ping",
        "tools-list",
        "dns-rebinding-protection",
        "server-session-lifecycle",
    ),
    "2026-07-28": ("tools-list", "dns-rebinding-protection", "http-header-validation"),
}
"""Scenarios that need no fixtures, but any server."""


@pytest.mark.parametrize("revision", OWN)
async def test_the_apps_own_tools_pass_what_needs_no_fixtures(node, tmp_path, clock, revision):
    program = node.script(PACKAGE, "dist/index.js")
    async with open_house(tmp_path, clock, registry=default_registry()) as house:
        anna = await house.user("anna")
        async with served(signed_in(house.new_app(), anna)) as url:
            for scenario in OWN[revision]:
                options = ("--url", f"{url}/mcp", "--scenario", scenario)
                results = ("--spec-version", revision, "-o", tmp_path / "results")
                done = await node.run(program, "server", *options, *results, cwd=tmp_path)
                assert done.status == 0, done.out + done.errors
    ran = read_checks(tmp_path / "results")
    assert set(ran) == set(OWN[revision])
    told = {check["status"] for checks in ran.values() for check in checks}
    assert told <= {"SUCCESS", "INFO"}
