"""What comes over a socket: strictly read, bounded in size and in time."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import httpx2
import pytest
from wire_cases import READ, REFUSED_BODIES, REFUSED_HEADS, TOO_LONG, get, post

from mana_lab.web.serving import listen, serve
from mana_lab.web.wire import WireLimits

PATIENCE_S = 20
LAST = get(b"Connection: close", line=b"GET /last HTTP/1.1")


@dataclass
class Echo:
    """An application that writes down what reaches it, by the client's port."""

    seen: dict = field(default_factory=dict)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            for each in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{each}.complete"})
            return
        if scope["path"] == "/hold":
            self.held.set()
            await self.hold.wait()
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                body = None
                break
            body, more = body + message["body"], message["more_body"]
        headers = {
            name.decode(): value.decode("latin-1")
            for name, value in scope["headers"]
            if name != b"host"
        }
        request = (scope["method"], scope["path"], headers, body)
        self.seen.setdefault(scope["client"][1], []).append(request)
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(echo, **limits):
    sock = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    async with asyncio.timeout(PATIENCE_S):
        task = asyncio.create_task(
            serve(echo, sock, on_ready=ready.set, grace_s=0.0, limits=WireLimits(**limits))
        )
        await ready.wait()
        try:
            yield sock.getsockname()[1]
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def rest_of(reader):
    """Read to the end; a reset is one too."""
    got = b""
    try:
        while piece := await reader.read(65536):
            got += piece
    except ConnectionError:
        pass
    return got


async def exchange(port, data):
    """Send *data* and read to the end; return the statuses, and who asked."""
    async with connected(port) as (reader, writer):
        local = writer.get_extra_info("sockname")[1]
        try:
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            pass
        return statuses(await rest_of(reader)), local


def statuses(answers):
    return [int(each[:3]) for each in answers.split(b"HTTP/1.1 ")[1:]]


async def all_of(cases):
    """Send each case on a connection of its own, a last request behind it."""
    echo = Echo()
    async with serving(echo) as port:
        found = await asyncio.gather(*(exchange(port, data + LAST) for data in cases.values()))
    return {
        name: (answered, echo.seen.get(local, []))
        for name, (answered, local) in zip(cases, found, strict=True)
    }


async def test_what_can_be_read_in_two_ways_is_refused_and_reaches_nobody():
    assert await all_of(REFUSED_HEADS) == dict.fromkeys(REFUSED_HEADS, ([400], []))


async def test_a_body_that_breaks_its_framing_is_refused_and_never_whole():
    found = await all_of(REFUSED_BODIES)
    assert all(answered == [400] for answered, _ in found.values())
    assert {body for _, seen in found.values() for *_, body in seen} == {None}


async def test_what_is_too_long_is_refused_and_never_whole():
    found = await all_of(TOO_LONG)
    assert all(answered in ([431], []) for answered, _ in found.values())
    assert [431] in [answered for answered, _ in found.values()]
    assert {body for _, seen in found.values() for *_, body in seen} <= {None}


async def test_the_rest_reaches_the_application_as_it_was_meant():
    found = await all_of({name: data for name, (data, _) in READ.items()})
    last = ("GET", "/last", {"connection": "close"}, b"")
    assert found == {
        name: ([200] * (len(meant) + 1), [*meant, last]) for name, (_, meant) in READ.items()
    }


async def test_junk_behind_a_request_does_not_take_its_answer():
    found = await all_of(
        {"junk": get() + b"\x16\x03junk\r\n\r\n", "a longer body": post(b"Content-Length: 2")}
    )
    assert [answered for answered, _ in found.values()] == [[200], [200]]
    assert [len(seen) for _, seen in found.values()] == [1, 1]


async def test_a_connection_that_is_to_be_closed_answers_nothing_more():
    found = await all_of({"close": get(b"Connection: close"), "1.0": get(line=b"GET / HTTP/1.0")})
    assert [answered for answered, _ in found.values()] == [[200], [200]]


async def test_a_thousand_requests_at_once_are_answered_one_by_one():
    found = await all_of({"many": get() * 1000})
    assert found["many"][0] == [200] * 1001


SLOW = {
    "nothing at all": b"",
    "half a request line": b"GET / HT",
    "headers without an end": b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
    "empty lines": b"\r\n\r\n",
    "half a body": post(b"Content-Length: 9"),
    "half a chunk": post(b"Transfer-Encoding: chunked", body=b"9\r\nhello"),
    "half a body behind an offer": post(
        b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 9"
    ),
    "half a header behind an answer": get() + b"GET / HTTP/1.1\r\nX",
    "half a body behind an answer": get() + post(b"Content-Length: 9"),
}


@pytest.mark.parametrize("start", SLOW.values(), ids=SLOW)
async def test_a_request_that_does_not_come_to_an_end_is_hung_up_on(start):
    echo = Echo()
    before = [200] if start.startswith(get()) else []
    async with serving(echo, header_s=0.05, request_s=0.05) as port:
        answered, local = await exchange(port, start)
    assert answered == [*before, 408]
    assert all(body in (b"", None) for *_, body in echo.seen.get(local, []))


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX: ", b"", post(b"Content-Length: 99999")])
async def test_more_bytes_do_not_move_the_deadline(start):
    async with serving(Echo(), header_s=0.2, request_s=0.2) as port, connected(port) as (reader, w):
        w.write(start)
        end = asyncio.create_task(rest_of(reader))
        while not end.done():
            try:
                w.write(b"a" if start else b"\r\n")
                await w.drain()
            except ConnectionError:
                break
            await asyncio.wait([end], timeout=0.02)
        assert statuses(await end) in ([408], [])


async def test_a_request_that_waits_behind_another_one_has_its_time_afterwards():
    echo = Echo()
    async with serving(echo, header_s=0.02) as port, connected(port) as (reader, writer):
        writer.write(get(line=b"GET /hold HTTP/1.1") + b"GET / HT")
        await echo.held.wait()
        end = asyncio.create_task(rest_of(reader))
        await asyncio.wait([end], timeout=0.1)
        assert not end.done()
        echo.hold.set()
        assert statuses(await end) == [200, 408]


async def test_a_client_that_does_not_read_its_answer_is_hung_up_on():
    piece, gone = b"x" * 20_000_000, asyncio.Event()

    async def answer(scope, receive, send):
        if scope["type"] == "lifespan":
            await Echo()(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(2):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        gone.set()

    async with serving(answer, answer_s=0.05) as port, connected(port) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(get())
        await gone.wait()
        writer.transport.resume_reading()
        assert len(await rest_of(reader)) < len(piece)


async def test_a_connection_too_many_is_answered_that_and_closed():
    async with (
        serving(Echo(), connections=2, connections_per_address=9) as port,
        AsyncExitStack() as stack,
    ):
        for _ in range(2):
            await stack.enter_async_context(connected(port))
        async with connected(port) as (reader, writer):
            writer.write(get())
            answer = await rest_of(reader)
            assert statuses(answer) == [503]
            assert b"\r\nretry-after: 1\r\n" in answer
            assert b"\r\nconnection: close\r\n" in answer.lower()
        for _ in range(2):
            await stack.enter_async_context(connected(port))
        async with connected(port) as (reader, writer):
            assert statuses(await rest_of(reader)) == []
        await stack.aclose()
        while (await exchange(port, LAST))[0] != [200]:
            pass


async def test_one_address_has_so_many_connections_and_no_more():
    async with (
        serving(Echo(), connections=9, connections_per_address=1) as port,
        AsyncExitStack() as stack,
    ):
        await stack.enter_async_context(connected(port))
        async with connected(port) as (reader, writer):
            writer.write(get())
            answer = await rest_of(reader)
        assert statuses(answer) == [429]
        assert b"\r\nretry-after: 1\r\n" in answer


async def test_a_connection_is_kept_for_the_next_request_longer_than_clients_keep_theirs():
    for expiry in (httpx.Limits().keepalive_expiry, httpx2.Limits().keepalive_expiry):
        assert WireLimits().idle_s > 2 * expiry
    async with serving(Echo(), idle_s=0) as port, connected(port) as (reader, writer):
        writer.write(get())
        assert statuses(await rest_of(reader)) == [200]
