"""A lab's gateway on a port, for clients outside."""

import asyncio

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mana_lab.errors import PortInUseError, SettingsError
from mana_lab.web.serving import listen


async def titles(gateway, token, era="auto"):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(gateway.url, http_client=http), mode=era) as client,
    ):
        answer = await client.call_tool("todo.list", {})
    return [task["title"] for task in answer.structured_content["tasks"]]


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_client_outside_sees_what_was_done_inside(lab, era):
    anna = await lab.persona("anna")
    await anna.call("todo.create", title="Essay")
    gateway = await lab.serve(port=0)
    assert await titles(gateway, await lab.token("anna"), era) == ["Essay"]
    assert await titles(gateway, await lab.token("ben"), era) == []
    await anna.call("todo.create", title="Laundry")
    assert await titles(gateway, await lab.token("anna"), era) == ["Essay", "Laundry"]


async def test_it_answers_while_a_cell_blocks(lab):
    gateway = await lab.serve(port=0)
    health = gateway.url.replace("/mcp", "/health")
    answer = httpx.get(health)  # noqa: ASYNC210 - the lab's own loop stands still meanwhile
    assert answer.json()["registry"]["loaded"] is True


async def test_serving_again_stops_the_former_gateway_and_may_take_its_port(lab):
    first = await lab.serve(port=0)
    port = int(first.url.split(":")[2].partition("/")[0])
    second = await lab.serve(port=port)
    assert second.url == first.url
    assert repr(first) == "<Gateway: closed>"
    assert repr(second) == f"<Gateway: serving {second.url}>"
    assert await titles(second, await lab.token("anna")) == []


async def test_a_busy_port_is_an_error_and_leaves_the_lab_usable(lab):
    with listen("127.0.0.1", 0) as sock, pytest.raises(PortInUseError, match="in use"):
        await lab.serve(port=sock.getsockname()[1])
    assert await titles(await lab.serve(port=0), await lab.token("anna")) == []


@pytest.mark.parametrize("port", [-1, 65536])
async def test_a_port_that_does_not_exist_is_refused(lab, port):
    with pytest.raises(SettingsError, match="ports are 0 to 65535"):
        await lab.serve(port=port)


async def test_pages_that_are_named_may_call_it_and_wrong_names_leave_the_former_one(lab):
    page = "https://app.example"
    gateway = await lab.serve(port=0, origins=[page])
    with pytest.raises(SettingsError, match=r"'app\.example' is not an origin"):
        await lab.serve(port=0, origins=["app.example"])
    async with httpx.AsyncClient() as http:
        for origin, allowed in ((page, page), ("https://other.example", None)):
            asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = await http.options(gateway.url, headers=asks)
            assert answer.headers.get("access-control-allow-origin") == allowed


async def test_closing_the_lab_or_the_gateway_frees_the_port(lab):
    gateway = await lab.serve(port=0)
    port = int(gateway.url.split(":")[2].partition("/")[0])
    await gateway.close()
    await gateway.close()
    listen("127.0.0.1", port).close()
    await lab.serve(port=port)
    await lab.close()
    listen("127.0.0.1", port).close()


async def test_a_lab_is_served_while_personas_live(lab):
    gateway = await lab.serve(port=0)
    run = asyncio.ensure_future(lab.run(days=1, personas=["maya", "ben"]))
    async with httpx.AsyncClient() as http:
        while not run.done():
            assert (await http.get(gateway.url.replace("/mcp", "/health"))).status_code == 200
    assert (await run).status == "done"
    assert await titles(gateway, await lab.token("paul")) == []


async def test_what_was_written_in_a_run_is_read_outside(lab):
    run = await lab.run(days=2, personas=["anna"])
    assert run.calls
    anna = await lab.persona("anna")
    inside = (await anna.call("todo.list")).data["tasks"]
    gateway = await lab.serve(port=0)
    assert await titles(gateway, await lab.token("anna")) == [task["title"] for task in inside]
