"""A lab served by a process of its own, and official MCP clients in front of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mana_lab.identity.client import IdentityClient
from mana_lab.personas import persona_password
from mana_lab.settings import LabSecrets
from mana_lab.sync.client import SyncClient

PORTS = ("--auth-port", "0", "--sync-port", "0", "--port", "0")


@dataclass
class Served:
    """A running ``serve`` command.

    Attributes:
        folder: The lab's folder.
        process: The command.
        identity_url: Where identity listens.
        sync_url: Where sync listens.
        gateway_url: What MCP clients connect to.
    """

    folder: object
    process: asyncio.subprocess.Process
    identity_url: str
    sync_url: str
    gateway_url: str

    def identity(self, http):
        """Return a client of the identity service."""
        return IdentityClient(self.identity_url, http)

    async def login(self, http, name):
        """Sign a persona in with their derived password."""
        email = f"persona.{name}@mana.test"
        secret = LabSecrets.load(self.folder).persona_seed_secret.get_secret_value()
        return await self.identity(http).login(email, persona_password(email, secret))

    async def pulled(self, http, token, app_id, table):
        """Return the changes that sync sends to the owner of *token*."""
        page = await SyncClient(self.sync_url, http, "a browser").pull(token, app_id, table, "")
        return page.changes

    async def kill(self):
        """End the process as a power cut does."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def served(folder):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "mana_lab", "serve", "--dir", folder, *PORTS),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        urls = {}
        async with asyncio.timeout(60):
            while len(urls) < 3:
                name, url = (await process.stdout.readline()).decode().split()[:2]
                urls[name] = url
        yield Served(folder, process, urls["identity"], urls["sync"], urls["gateway"])
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.communicate()


@asynccontextmanager
async def connected(url, token, era):
    """Connect the official client as the owner of *token*, in one protocol era."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=era) as client,
    ):
        yield client


async def use(client, tool, **arguments):
    """Call a tool that is to work, and return what it returned."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


@asynccontextmanager
async def plain_http():
    async with httpx.AsyncClient(timeout=60) as http:
        yield http
