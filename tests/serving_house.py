"""An app on a port of this machine, for as long as a test needs it."""

import asyncio
from contextlib import asynccontextmanager, suppress

import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

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


class Turnstile:
    """Stands in front of a gateway, and lets calls of tools pass when a test wants.

    Attributes:
        held: How many calls wait, or waited.
        somebody: Set when one waits.
        open: Set when they may pass.
        url: Where the gateway stands.
        passes: How many calls pass before it closes by itself; None for all.
    """

    def __init__(self, url, passes=None):
        self.held = 0
        self.somebody = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.passes = passes
        self.url = url
        self._http = httpx.AsyncClient(timeout=30)
        self.app = Starlette(
            routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "DELETE"])]
        )

    async def answer(self, request):
        body = await request.body()
        if request.headers.get("mcp-method") == "tools/call":
            await self._enter()
        unsent = ("host", "content-length")
        headers = {name: value for name, value in request.headers.items() if name not in unsent}
        url = self.url + request.url.path
        answer = await self._http.request(request.method, url, content=body, headers=headers)
        kept = {"Content-Type": answer.headers.get("content-type", "text/plain")}
        return Response(answer.content, answer.status_code, kept)

    async def _enter(self):
        if self.passes is not None:
            self.passes -= 1
            if self.passes < 0:
                self.passes = None
                self.open.clear()
        if not self.open.is_set():
            self.held += 1
            self.somebody.set()
        await self.open.wait()

    async def close(self):
        await self._http.aclose()
