"""The server in a thread of its own."""

import asyncio
import gc
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from mana_lab.errors import InfrastructureError
from mana_lab.notebook import BackgroundServer
from mana_lab.web.serving import listen

PATIENCE_S = 10


def app_of(answer=None, lifespan=None):
    async def hello(_):
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/", answer or hello)], lifespan=lifespan)


def builder(app):
    @asynccontextmanager
    async def build():
        yield app

    return build


def server_of(app=None):
    return BackgroundServer(builder(app or app_of()), listen("127.0.0.1", 0))


def url_of(server):
    return f"http://127.0.0.1:{server.port}"


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "mana-lab-server"]


def assert_over(server):
    """The server's thread, socket and port are given back, and nothing is left to complain."""
    assert not server.running
    assert threads() == []
    listen("127.0.0.1", server.port).close()
    gc.collect()


async def seen(event):
    """Wait for something that happens in the server's thread."""
    assert await asyncio.to_thread(event.wait, PATIENCE_S)


@pytest.fixture
async def server():
    server = server_of()
    await server.start()
    yield server
    await server.stop()


async def test_it_answers_while_the_loop_of_its_caller_is_blocked(server):
    answer = httpx.get(url_of(server))  # noqa: ASYNC210 - nothing else runs in this loop meanwhile
    assert answer.text == "hello"


async def test_start_returns_once_requests_are_answered():
    entered, go_on = threading.Event(), threading.Event()

    @asynccontextmanager
    async def lifespan(_):
        entered.set()
        await asyncio.to_thread(go_on.wait, PATIENCE_S)
        yield

    server = server_of(app_of(lifespan=lifespan))
    starting = asyncio.create_task(server.start())
    await seen(entered)
    assert not starting.done()
    assert not server.running
    go_on.set()
    await starting
    assert server.running
    assert httpx.get(url_of(server)).text == "hello"  # noqa: ASYNC210
    await server.stop()


async def test_the_app_is_built_and_closed_in_the_thread_that_serves_it():
    seen = []

    @asynccontextmanager
    async def build():
        seen.append(("open", threading.current_thread().name, asyncio.get_running_loop()))
        try:
            yield app_of()
        finally:
            seen.append(("closed", threading.current_thread().name, asyncio.get_running_loop()))

    server = BackgroundServer(build, listen("127.0.0.1", 0))
    assert seen == []
    await server.start()
    await server.stop()
    (opened, *there), (closed, *still_there) = seen
    assert (opened, closed) == ("open", "closed")
    assert there == still_there
    assert there[0] == "mana-lab-server"
    assert there[1] is not asyncio.get_running_loop()


async def test_stopping_frees_the_port_and_again_is_harmless(server):
    assert server.running
    await server.stop()
    assert_over(server)
    await server.stop()
    await asyncio.gather(server.stop(), server.stop())
    assert_over(server)


async def test_stopping_before_the_start_is_harmless_and_leaks_nothing():
    server = server_of()
    await server.stop()
    await server.stop()
    assert_over(server)


async def test_one_that_is_never_started_leaks_nothing():
    with listen("127.0.0.1", 0) as sock:
        BackgroundServer(builder(app_of()), sock)
        gc.collect()
    assert threads() == []


async def test_one_that_was_stopped_does_not_start_again():
    server = server_of()
    await server.stop()
    with pytest.raises(InfrastructureError, match="did not start"):
        await server.start()
    assert_over(server)


async def test_starting_twice_is_an_error_and_the_server_goes_on(server):
    with pytest.raises(RuntimeError, match="once"):
        await server.start()
    assert httpx.get(url_of(server)).text == "hello"  # noqa: ASYNC210


def raising(error):
    @asynccontextmanager
    async def build():
        raise error
        yield

    return build


def refusing(error):
    def build():
        raise error

    return build


@pytest.mark.parametrize("build", [raising, refusing])
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)], ids=repr)
async def test_an_app_that_cannot_be_built_is_an_error_with_its_cause(build, error, caplog):
    server = BackgroundServer(build(error), listen("127.0.0.1", 0))
    with pytest.raises(InfrastructureError, match="did not start") as got:
        await server.start()
    assert got.value.__cause__ is error
    assert_over(server)
    await server.stop()
    assert caplog.records == []


async def test_an_app_whose_building_is_cancelled_did_not_start():
    server = BackgroundServer(raising(asyncio.CancelledError()), listen("127.0.0.1", 0))
    with pytest.raises(InfrastructureError, match="did not start"):
        await server.start()
    assert_over(server)


async def test_an_app_whose_lifespan_fails_is_an_error_with_its_cause(caplog):
    @asynccontextmanager
    async def lifespan(_):
        raise RuntimeError("the canary sings")
        yield

    server = server_of(app_of(lifespan=lifespan))
    with pytest.raises(InfrastructureError, match="did not start") as got:
        await server.start()
    assert isinstance(got.value.__cause__, InfrastructureError)
    assert "the canary sings" in caplog.text
    assert_over(server)


async def test_a_request_that_is_being_answered_is_finished_even_if_stopped_twice():
    arrived, leave = threading.Event(), threading.Event()

    async def slow(_):
        arrived.set()
        await asyncio.to_thread(leave.wait, PATIENCE_S)
        return PlainTextResponse("done")

    server = server_of(app_of(slow))
    await server.start()
    async with httpx.AsyncClient() as http, asyncio.timeout(PATIENCE_S):
        answer = asyncio.create_task(http.get(url_of(server)))
        await seen(arrived)
        stopping = [asyncio.create_task(server.stop()) for _ in range(2)]
        await asyncio.sleep(0)
        leave.set()
        assert (await answer).text == "done"
        await asyncio.gather(*stopping)
    assert_over(server)


async def test_a_stream_without_an_end_is_hung_up_on():
    left = threading.Event()

    async def endless(_):
        async def parts():
            try:
                yield b"one"
                await asyncio.Future()
            finally:
                left.set()

        return StreamingResponse(parts())

    server = server_of(app_of(endless))
    await server.start()
    async with httpx.AsyncClient() as http, http.stream("GET", url_of(server)) as answer:
        parts = answer.aiter_bytes()
        assert await anext(parts) == b"one"
        await server.stop()
        assert_over(server)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(parts)
    assert left.is_set()


async def test_an_app_that_fails_to_close_is_not_kept_quiet(monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_value))
    error = RuntimeError("the door is jammed")

    @asynccontextmanager
    async def build():
        try:
            yield app_of()
        finally:
            raise error

    server = BackgroundServer(build, listen("127.0.0.1", 0))
    await server.start()
    await server.stop()
    assert told == [error]
    assert_over(server)


async def test_a_start_that_is_cancelled_leaves_nothing_behind():
    entered, left = threading.Event(), threading.Event()

    @asynccontextmanager
    async def build():
        entered.set()
        try:
            await asyncio.Future()
            yield
        finally:
            await asyncio.to_thread(gc.collect)
            left.set()

    server = BackgroundServer(build, listen("127.0.0.1", 0))
    starting = asyncio.create_task(server.start())
    await seen(entered)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert left.is_set()
    assert_over(server)
    await server.stop()


async def test_a_stop_during_the_start_ends_both():
    entered = threading.Event()

    @asynccontextmanager
    async def build():
        entered.set()
        await asyncio.Future()
        yield

    server = BackgroundServer(build, listen("127.0.0.1", 0))
    starting = asyncio.create_task(server.start())
    await seen(entered)
    await server.stop()
    with pytest.raises(InfrastructureError, match="did not start"):
        await starting
    assert_over(server)


async def test_the_signal_handlers_of_the_process_are_untouched():
    before = {each: signal.getsignal(each) for each in signal.valid_signals()}
    server = server_of()
    await server.start()
    assert {each: signal.getsignal(each) for each in signal.valid_signals()} == before
    await server.stop()
    assert {each: signal.getsignal(each) for each in signal.valid_signals()} == before


NEVER_STOPPED = """
import asyncio
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from mana_lab.web.serving import listen
from mana_lab.notebook import BackgroundServer


@asynccontextmanager
async def build():
    yield Starlette()


server = BackgroundServer(build, listen("127.0.0.1", 0))
asyncio.run(server.start())
print(server.running, httpx.get(f"http://127.0.0.1:{server.port}").status_code)
"""


def test_a_process_that_never_stops_it_ends_well(tmp_path):
    script = tmp_path / "never_stopped.py"
    script.write_text(NEVER_STOPPED)
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True 404\n", "")
