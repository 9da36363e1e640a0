import asyncio
import logging
import signal
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from serving_house import served
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mana_lab.errors import InfrastructureError, PortInUseError, SettingsError
from mana_lab.web.serving import QuietServer, inherited, listen, serve


def hello_app(lifespan=None):
    async def hello(_):
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/", hello)], lifespan=lifespan)


def test_a_port_of_zero_picks_a_free_one():
    with listen("127.0.0.1", 0) as sock:
        assert sock.getsockname()[1] > 0


def test_the_socket_says_that_it_is_tcp_so_that_answers_are_not_delayed():
    with listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


async def test_no_accepted_connection_holds_small_answers_back():
    sock = inherited(listen("127.0.0.1", 0).detach())
    ready = asyncio.Event()
    server = QuietServer(hello_app(), ready.set)
    serving = asyncio.create_task(server.serve([sock]))
    async with httpx.AsyncClient() as http, asyncio.timeout(10):
        await ready.wait()
        port = sock.getsockname()[1]
        await asyncio.gather(*(http.get(f"http://127.0.0.1:{port}") for _ in range(3)))
        taken = [each.transport for each in server.server_state.connections]
        held_back = [
            not each.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for each in taken
        ]
        assert held_back == [False] * 3
        server.should_exit = True
    await serving


def test_a_busy_port_is_refused_with_its_number_and_what_to_do():
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(
            PortInUseError, match=f"port {port} on 127.0.0.1 is in use; stop"
        ) as got:
            listen("127.0.0.1", port)
    assert "another port" in got.value.message


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port):
    with pytest.raises(SettingsError, match="ports are 0 to 65535"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["not an address", "192.0.2.1", "a" * 70], ids=str)
def test_an_address_of_another_machine_is_refused(host):
    with pytest.raises(SettingsError):
        listen(host, 0)


async def test_a_served_app_answers_and_its_port_is_free_after_it_was_stopped():
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with served(hello_app(), sock) as url, httpx.AsyncClient() as http:
        assert (await http.get(url)).text == "hello"
    listen("127.0.0.1", port).close()


async def test_the_lifespan_of_a_served_app_is_entered_and_left():
    seen = []

    @asynccontextmanager
    async def lifespan(_):
        seen.append("entered")
        yield
        seen.append("left")

    async with served(hello_app(lifespan), listen("127.0.0.1", 0)):
        assert seen == ["entered"]
    assert seen == ["entered", "left"]


async def test_serving_touches_no_signal_handler():
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    async with served(hello_app(), listen("127.0.0.1", 0)):
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


async def test_a_request_that_is_being_answered_is_finished_when_the_server_stops():
    arrived, leave = asyncio.Event(), asyncio.Event()

    async def slow(_):
        arrived.set()
        await leave.wait()
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/", slow)])
    sock = listen("127.0.0.1", 0)
    async with httpx.AsyncClient() as http, asyncio.timeout(10):
        async with served(app, sock) as url:
            answer = asyncio.create_task(http.get(url))
            await arrived.wait()
            asyncio.get_running_loop().call_soon(leave.set)
        assert (await answer).text == "done"


async def test_a_stream_without_an_end_is_hung_up_on_when_the_server_stops(caplog):
    gone = []

    async def events(scope, receive, send):
        if scope["type"] == "lifespan":
            await Starlette()(scope, receive, send)
            return
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        gone.append((await receive())["type"])

    sock = listen("127.0.0.1", 0)
    async with httpx.AsyncClient() as http, asyncio.timeout(10), AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(events, sock))
        async with http.stream("GET", url) as answer:
            assert await anext(answer.aiter_bytes()) == b"one"
            await stack.aclose()
    assert gone == ["http.disconnect"]
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_an_app_that_cannot_start_is_an_error_and_frees_the_port():
    @asynccontextmanager
    async def lifespan(_):
        raise RuntimeError("no")
        yield

    sock = listen("127.0.0.1", 0)
    with pytest.raises(InfrastructureError, match="did not start"):
        await serve(hello_app(lifespan), sock)
    assert sock.fileno() == -1
