"""The routes that are open to everybody."""

import pytest
from gateway_house import GATEWAY, ISSUER, call_echo


async def test_health_says_that_the_tools_are_loaded(house):
    async with house.http() as http:
        answer = await http.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "service": "mana-mcp",
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
