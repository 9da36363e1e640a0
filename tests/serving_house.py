"""An app on a port of this machine, for as long as a test needs it."""

import asyncio
from contextlib import asynccontextmanager, suppress

from mana_lab.web.serving import listen, serve


@asynccontextmanager
async def served(app, sock=None, path=""):
    """Serve *app* on a free port, or on a socket that listens already, and say where."""
    sock = sock or listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    ready = asyncio.Event()
    task = asyncio.create_task(serve(app, sock, on_ready=ready.set))
    try:
        async with asyncio.timeout(10):
            await ready.wait()
        yield f"http://127.0.0.1:{port}{path}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
