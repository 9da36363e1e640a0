"""A server that stops: what was sent is answered, and nobody is kept waiting for ever."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import httpx2
import pytest
from gateway_house import call_echo, legacy, open_session
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from mana_lab.web.serving import QuietServer, inherited, listen, serve

PATIENCE_S = 20


@dataclass
class Worker:
    """One of the servers behind a port."""

    begun: set = field(default_factory=set)
    answered: set = field(default_factory=set)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self):
        async def answer(request):
            number = int(request.path_params["number"])
            self.begun.add(number)
            await request.body()
            for _ in range(number % 7):
                await asyncio.sleep(0.001)
            self.answered.add(number)
            return PlainTextResponse(str(number))

        async def wait(request):
            await request.body()
            self.held.set()
            ends = [asyncio.ensure_future(each) for each in (self.hold.wait(), request.receive())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in ends:
                each.cancel()
            return PlainTextResponse("done")

        routes = [Route("/n/{number}", answer, methods=["POST"]), Route("/wait", wait)]
        return Starlette(routes=routes)


@asynccontextmanager
async def running(app, sock, **options):
    """Serve; yield what is cancelled to stop."""
    ready = asyncio.Event()
    task = asyncio.create_task(serve(app, sock, on_ready=ready.set, **options))
    try:
        await ready.wait()
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def url_of(sock):
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def is_open(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_no_request_is_lost_while_one_of_two_servers_stops():
    first, second = Worker(), Worker()
    numbers, unanswered = iter(range(600)), []
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        sock = listen("127.0.0.1", 0)
        stack.callback(sock.close)
        url = url_of(sock)
        stopping = await stack.enter_async_context(
            running(first.app(), inherited(sock.dup().detach()))
        )
        connected, started = asyncio.Barrier(17), asyncio.Barrier(17)

        async def client():
            async with httpx.AsyncClient(base_url=url) as http:
                for number in numbers:
                    if number == 200:
                        stopping.cancel()
                    answer = None
                    while answer is None:
                        try:
                            answer = await http.post(f"/n/{number}", content=b"x" * 100)
                        except httpx.TransportError:
                            unanswered.append(number)
                    assert answer.text == str(number)
                    if number < 16:
                        await connected.wait()  # all of them to the first one
                        await started.wait()

        async with asyncio.TaskGroup() as clients:
            for _ in range(16):
                clients.create_task(client())
            await connected.wait()
            await stack.enter_async_context(running(second.app(), inherited(sock.dup().detach())))
            await started.wait()
        with suppress(asyncio.CancelledError):
            await stopping
        assert first.begun == first.answered
        assert not first.begun & set(unanswered)
        assert first.answered.isdisjoint(second.answered)
        assert first.answered | second.answered == set(range(600))
        assert len(first.answered) >= 200
        assert len(second.answered) >= 200


async def test_a_request_that_was_sent_before_the_stop_is_answered_and_the_connection_closed():
    worker = Worker()
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(worker.app(), sock))
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
        for number, (_, writer) in enumerate(connections):
            if number == 25:
                stopping.cancel()  # the server has not yet looked at any of them
            request = f"POST /n/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            writer.write(request.encode())
        for number, (reader, writer) in enumerate(connections):
            answer = (await reader.read()).decode()
            assert answer.startswith("HTTP/1.1 200 OK\r\n")
            assert "\r\nconnection: close\r\n" in answer
            assert answer.endswith(f"\r\n\r\n{number}")
            writer.close()
            await writer.wait_closed()


async def test_a_connection_that_is_taken_in_the_last_moment_is_answered():
    sock = listen("127.0.0.1", 0)
    server = QuietServer(Worker().app())
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    async with asyncio.timeout(PATIENCE_S):
        await server.startup([sock])
        with socket.create_connection(sock.getsockname()) as late:
            late.settimeout(PATIENCE_S)
            late.sendall(b"POST /n/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            server.stop()
            await server.shutdown([sock])
            assert late.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_an_answer_that_was_begun_before_the_stop_does_not_close_without_a_word():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def in_pieces(_):
        async def pieces():
            yield b"one"
            begun.set()
            await go_on.wait()
            yield b"two"

        return StreamingResponse(pieces())

    sock = listen("127.0.0.1", 0)
    app = Starlette(routes=[Route("/", in_pieces)])
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(app, sock, grace_s=3600.0))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url_of(sock)))
        first = asyncio.create_task(http.get("/"))
        await begun.wait()
        stopping.cancel()
        port = sock.getsockname()[1]
        while await is_open(port):
            pass
        go_on.set()
        assert "connection" not in (await first).headers
        second = await http.get("/")  # on the connection that is still open
        assert (second.text, second.headers["connection"]) == ("onetwo", "close")


async def test_a_connection_without_a_request_is_closed_when_the_server_stops():
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(Worker().app(), sock, grace_s=3600.0))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stopping.cancel()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_call_has_the_whole_grace():
    worker = Worker()
    sock = listen("127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http, AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(worker.app(), sock, grace_s=3600.0))
        port = sock.getsockname()[1]
        call = asyncio.create_task(http.get(f"{url_of(sock)}/wait"))
        await worker.held.wait()
        stopping.cancel()
        while await is_open(port):
            pass
        assert not call.done()
        worker.hold.set()
        assert (await call).text == "done"


@pytest.mark.parametrize("grace_s", [0.0, 3600.0])
async def test_nobody_waits_longer_than_the_grace_or_a_second_order_to_stop(grace_s):
    worker = Worker()
    sock = listen("127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http, AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(worker.app(), sock, grace_s=grace_s))
        call = asyncio.create_task(http.get(f"{url_of(sock)}/wait"))
        await worker.held.wait()
        stopping.cancel()
        if grace_s:
            await asyncio.wait([stopping], timeout=0)
            stopping.cancel()
        with pytest.raises(httpx.RemoteProtocolError):
            await call


async def test_a_listening_stream_ends_in_order_and_a_call_of_the_older_era_is_answered(house):
    anna = await house.user("anna")
    sock = listen("127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        app = house.new_app()
        stopping = await stack.enter_async_context(running(app, sock, grace_s=3600.0))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=url_of(sock), headers=anna.headers)
        )
        session = await open_session(http)
        listening = http.stream("GET", "/mcp", headers=legacy("x", session)["headers"])
        stream = await stack.enter_async_context(listening)
        stopping.cancel()
        async for _ in stream.aiter_bytes():
            pass
        with suppress(asyncio.CancelledError):
            await stopping


async def test_a_gateway_that_stops_answers_on_a_connection_that_is_open_already(house):
    anna = await house.user("anna")
    sock = listen("127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(house.new_app(), sock))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=url_of(sock), headers=anna.headers)
        )
        assert (await http.post("/mcp", **call_echo())).status_code == 200
        stopping.cancel()
        answer = await http.post("/mcp", **call_echo())
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")


async def test_a_gateway_that_stops_is_not_ready(house):
    house.sync_service.answer = PlainTextResponse("ok")
    sock = listen("127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        stopping = await stack.enter_async_context(running(house.new_app(), sock))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url_of(sock)))
        assert (await http.get("/ready")).json()["status"] == "ready"
        stopping.cancel()
        answer = await http.get("/ready")  # on the connection that is open already
        assert (answer.status_code, answer.json()["status"]) == (503, "draining")
        assert answer.headers["retry-after"] == "1"
        assert all(answer.json()["checks"].values())
