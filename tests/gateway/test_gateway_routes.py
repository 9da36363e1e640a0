"""The routes that are open to everybody."""

import httpx2
import pytest
from gateway_house import GATEWAY, ISSUER, call_echo, http_into
from starlette.responses import PlainTextResponse

from mana_lab.gateway import running


async def test_health_says_that_the_tools_are_loaded(house):
    async with house.http() as http:
        answer = await http.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "service": "mana-mcp",
        "policy": "enforce",
        "registry": {"loaded": True, "tools": 5, "modules": ["test"]},
    }


@pytest.mark.parametrize("tail", ["", "/mcp"])
async def test_the_resource_describes_itself_and_names_its_issuer(house, tail):
    async with house.http() as http:
        answer = await http.get(f"/.well-known/oauth-protected-resource{tail}")
    assert answer.status_code == 200
    assert answer.json() == {
        "resource": f"{GATEWAY}/mcp",
        "resource_name": "Mana",
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["mcp:tools", "mcp:read"],
    }


async def test_the_challenge_leads_to_the_description(house):
    async with house.http() as http:
        challenge = (await http.post("/mcp")).headers["www-authenticate"]
        url = challenge.partition('resource_metadata="')[2].rstrip('"')
        assert (await http.get(url)).json()["resource"] == f"{GATEWAY}/mcp"


@pytest.mark.parametrize("path", ["/", "/mcp", "/mcp/", "//mcp", "/mcp/x", "/MCP", "/%6dcp"])
async def test_no_path_leads_to_the_tools_without_a_token(house, path):
    async with house.http() as http:
        answer = await http.post(f"{GATEWAY}{path}", **call_echo(), follow_redirects=True)
    assert answer.status_code in {401, 404}
    assert house.tools.calls == []


async def test_ready_says_what_is_well_and_what_is_not(house, clock):
    async with house.http() as http:
        # the sync service of this house is down
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "not-ready",
            "checks": {"keys": True, "audit": True, "identity": True, "sync": False},
        }
        assert answer.headers["retry-after"] == "1"
        house.sync_service.answer = PlainTextResponse("ok")
        assert (await http.get("/ready")).status_code == 503  # looks once a second
        clock.advance(1)
        answer = await http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        house.identity_service.answer = PlainTextResponse("down", 503)
        clock.advance(1)
        assert (await http.get("/ready")).json()["checks"] == {
            "keys": True,
            "audit": True,
            "identity": False,
            "sync": True,
        }
        assert (await http.get("/health")).status_code == 200


async def test_metrics_are_for_this_machine_or_who_shows_the_token(house):
    async with house.http() as http:
        assert (await http.get("/metrics")).status_code == 200
        forwarded = {"X-Forwarded-For": "203.0.113.9"}
        assert (await http.get("/metrics", headers=forwarded)).status_code == 403
    transport = httpx2.ASGITransport(house.app, client=("203.0.113.9", 9))
    async with httpx2.AsyncClient(transport=transport, base_url=GATEWAY) as stranger:
        assert (await stranger.get("/metrics")).status_code == 403
    async with running(house.new_app(metrics_token="open sesame")) as app:
        for shown, status in (
            ({}, 403),
            ({"Authorization": "Bearer open sesam"}, 403),
            ({"Authorization": "Bearer öffne dich".encode()}, 403),
            ({"Authorization": "Bearer open sesame"}, 200),
        ):
            async with http_into(app, shown) as http:
                assert (await http.get("/metrics")).status_code == status
