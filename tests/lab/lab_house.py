"""Ways into a lab that its users do not have: raw HTTP, a second space, what sync keeps."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx2
import jwt
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mana_lab.personas import persona_password

GATEWAY = "http://mana.lab/mcp"


def email_of(name):
    return f"persona.{name}@mana.test"


def secret_of(lab, name):
    return getattr(lab._secrets, name).get_secret_value()


def password_of(lab, name):
    return persona_password(email_of(name), secret_of(lab, "persona_seed_secret"))


def decoded(token):
    return jwt.decode(token, options={"verify_signature": False})


def gateway_http(lab, token=None, **headers):
    """Return a client that goes straight into the lab's gateway."""
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx2.ASGITransport(app=lab._services.gateway_app)
    return httpx2.AsyncClient(transport=transport, headers=shown | headers)


@asynccontextmanager
async def mcp_client(http, era="auto"):
    async with Client(streamable_http_client(GATEWAY, http_client=http), mode=era) as client:
        yield client


async def changes(lab, name, app_id, table):
    """Return what the sync service sends to a persona."""
    return (await lab._services.sync.pull(await lab.token(name), app_id, table, "")).changes


async def new_space(lab, name):
    """Make a team space with one member."""
    space = await lab._services.identity.create_space(await lab.token(name), "Team", "team", "team")
    return space.id
