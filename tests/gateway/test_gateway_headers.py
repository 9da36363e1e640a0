"""Headers that are too many, or that two readers could read in two ways."""

import pytest
from gateway_house import call_echo

from mana_lab.gateway.headers import MAX_HEADERS

SINGLE = ["authorization", "host", "mcp-session-id", "origin", "x-mana-space"]


async def post(house, user, *extra):
    request = call_echo()
    async with house.http(user) as http:
        headers = [*http.headers.raw, *request["headers"].items(), *extra]
        return await http.post("/mcp", headers=headers, json=request["json"])


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("same", [True, False])
async def test_a_header_that_decides_who_or_where_stands_there_once(house, name, same):
    anna = await house.user("anna")
    known = {
        "authorization": anna.headers["Authorization"],
        "host": "gateway.test",
        "origin": "http://gateway.test",
        "x-mana-space": anna.personal_space,
        "mcp-session-id": "0" * 43,
    }
    first, second = known[name], known[name] if same else "x" * 9
    extra = [(name, first), (name, second)]
    request = call_echo()
    async with house.http() as http:
        headers = [("Authorization", known["authorization"])] if name != "authorization" else []
        headers += [*request["headers"].items(), *extra]
        answer = await http.post("/mcp", headers=headers, json=request["json"])
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"the header {name} is there more than once")
    assert house.tools.calls == []


async def test_a_request_has_so_many_headers_and_no_more(house):
    anna = await house.user("anna")
    few = await post(house, anna, *[("X-Many", "a")] * (MAX_HEADERS - 20))
    assert few.status_code == 200
    many = await post(house, anna, *[("X-Many", "a")] * MAX_HEADERS)
    assert (many.status_code, many.json()["error"]) == (431, "headers-too-large")
    assert house.tools.calls == ["test.echo"]
