"""``token``: what an MCP client needs to connect to a lab that is being served."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import typer

from mana_lab.commands.clients import McpClient, setup
from mana_lab.commands.console import finish, say
from mana_lab.commands.options import HERE, existing_lab, identity_client, typed
from mana_lab.crypto.jwt import MAX_LIFETIME_S
from mana_lab.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    NotFoundError,
    ProtocolError,
    SettingsError,
    UnauthenticatedError,
    UnknownPersonaError,
)
from mana_lab.gateway import DEFAULT_HOST, DEFAULT_PORT, MCP_PATH
from mana_lab.gateway.config import METADATA_PATH
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Login
from mana_lab.lab import catalog_in, holds_lab
from mana_lab.personas import Persona, persona_password
from mana_lab.settings import DEFAULT_AUTH_URL, LabSecrets
from mana_lab.web.addresses import service_url

_MOST_HOURS = MAX_LIFETIME_S / 3600
_GATEWAY_URL = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}{MCP_PATH}"
_GATEWAY_TIMEOUT_S = 10.0
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def _hours(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 < value <= _MOST_HOURS):
        raise typer.BadParameter(f"must be above 0 and at most {_MOST_HOURS:g}, got {value:g}")
    return value


def token(
    persona: Annotated[str, typer.Argument(help="Name or e-mail address, such as anna.")],
    folder: Annotated[
        Path, typer.Option("--dir", file_okay=False, help="The lab's folder.", metavar="DIR")
    ] = HERE,
    auth: Annotated[
        str, typer.Option(help="Where that lab's identity service listens.", metavar="URL")
    ] = DEFAULT_AUTH_URL,
    client: Annotated[
        McpClient | None,
        typer.Option(help="Print how this client connects, with a token of 24 hours filled in."),
    ] = None,
    gateway: Annotated[
        str, typer.Option(help="With --client: what it connects to.", metavar="URL")
    ] = _GATEWAY_URL,
    space: Annotated[
        str | None,
        typer.Option(help="With --client: the space to act in, by slug or id.", metavar="SPACE"),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            callback=_hours,
            help="For how long the token is good, at most 24; else 15 minutes.",
            metavar="HOURS",
        ),
    ] = None,
) -> None:
    """Print an access token of a persona of a lab that is being served, or how a client uses one.

    It is good for 15 minutes of the lab's time, which stands still while the lab is served.

    For example: python -m mana_lab token anna --dir my-lab --client claude-code
    """
    finish(_token(_Lab(folder, auth), persona, hours, client, gateway, space))


@dataclass(frozen=True)
class _Lab:
    folder: Path
    auth: str

    @property
    def serve(self) -> str:
        return typed("serve", "--dir", self.folder)


async def _token(
    lab: _Lab,
    name: str,
    hours: float | None,
    client: McpClient | None,
    gateway: str,
    space: str | None,
) -> None:
    if space is not None and client is None:
        raise SettingsError("--space goes with --client: a token is good in all of a user's spaces")
    url = service_url(lab.auth)
    endpoint = service_url(gateway, "--gateway")
    persona = catalog_in(lab.folder).get(name)
    secrets = _secrets(lab, url, long=hours is not None or client is not None)
    async with identity_client(url) as identity:
        login = await _sign_in(lab, identity, persona, secrets)
        access = login.access_token
        if client is not None:
            await _check_gateway(lab, endpoint, url)
        if hours is not None or client is not None:
            seconds = max(1, round((hours or _MOST_HOURS) * 3600))
            access = await _long_token(url, identity, secrets, login, seconds)
        space_id = await _space_id(identity, access, space)
    if client is None:
        say(access)
        return
    found = setup(client, endpoint, access, space_id)
    say(found.text)
    typer.echo(found.advice, err=True)
    typer.echo(
        f"Who has the token acts as {persona.name}, for {hours or _MOST_HOURS:g} hours of the "
        "lab's time, which stands still while the lab is served.",
        err=True,
    )


def _secrets(lab: _Lab, url: str, *, long: bool) -> LabSecrets:
    elsewhere = urlsplit(url).hostname not in _THIS_MACHINE
    if long and (elsewhere or (lab.auth != DEFAULT_AUTH_URL and not holds_lab(lab.folder))):
        raise _not_embedded(url)
    return LabSecrets.load(existing_lab(lab.folder))


def _not_embedded(url: str) -> SettingsError:
    return SettingsError(
        f"the Mana at {url} gives no tokens of more than 15 minutes; only an embedded lab does, "
        "outside production. Sign in there, and give your client the access token as the header "
        "Authorization: Bearer …, again whenever it has expired"
    )


async def _sign_in(
    lab: _Lab, identity: IdentityClient, persona: Persona, secrets: LabSecrets
) -> Login:
    password = persona_password(persona.email, secrets.persona_seed_secret.get_secret_value())
    try:
        if await identity.health():
            return await identity.login(persona.email, password)
    except InvalidCredentialsError:
        raise UnknownPersonaError(
            f"{persona.name} is not a user of the Mana at {lab.auth}; "
            f"is it the lab in {lab.folder}, and is it seeded?"
        ) from None
    except (NotFoundError, ProtocolError):
        pass  # something else stands there, such as the gateway
    raise SettingsError(f"no identity service answers at {lab.auth}; start it with: {lab.serve}")


async def _long_token(
    url: str, identity: IdentityClient, secrets: LabSecrets, login: Login, seconds: int
) -> str:
    key = secrets.service_key.get_secret_value()
    try:
        return await identity.long_token(key, login.refresh_token, seconds)
    except (NotFoundError, ForbiddenError, UnauthenticatedError):
        raise _not_embedded(url) from None


async def _space_id(identity: IdentityClient, access: str, wanted: str | None) -> str | None:
    if wanted is None:
        return None
    spaces = await identity.spaces(access)
    for space in spaces:
        if wanted in (space.id, space.slug):
            return space.id
    known = ", ".join(sorted(space.slug for space in spaces if space.slug))
    raise NotFoundError(f"they are in no space {wanted[:100]!r}; theirs are {known}")


async def _check_gateway(lab: _Lab, endpoint: str, issuer: str) -> None:
    """Make sure that what stands there is a gateway, and takes this issuer's tokens.

    Raises:
        SettingsError: It is none, or takes other ones.
    """
    issuers = await _issuers(endpoint)
    if issuers is None:
        raise SettingsError(
            f"no gateway answers at {endpoint}; start it with: {lab.serve}, "
            "or say with --gateway where it is"
        )
    if issuer.rstrip("/") not in issuers:
        raise SettingsError(
            f"the gateway at {endpoint} does not take the tokens of {issuer}; "
            "say with --gateway and --auth which belong together"
        )


async def _issuers(endpoint: str) -> list[str] | None:
    """Return whose tokens a gateway says that it takes (RFC 9728 §2); None if it is none."""
    parts = urlsplit(endpoint)
    about = f"{parts.scheme}://{parts.netloc}{METADATA_PATH}{parts.path}"
    try:
        async with httpx.AsyncClient(timeout=_GATEWAY_TIMEOUT_S) as http:
            said: Any = (await http.get(about)).raise_for_status().json()
        return [each.rstrip("/") for each in said["authorization_servers"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return None
