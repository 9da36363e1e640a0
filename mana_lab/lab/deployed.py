"""A Mana that runs elsewhere: its users are the personas of a lab here."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
import httpx2

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.errors import (
    InvalidCredentialsError,
    InvalidInputError,
    InvalidOutputError,
    ManaLabError,
    NotFoundError,
    ProtocolError,
    ServiceUnavailableError,
    SettingsError,
    UnauthenticatedError,
    UnknownPersonaError,
)
from mana_lab.gateway import MCP_PATH, SERVER_NAME
from mana_lab.identity.client import IdentityClient
from mana_lab.personas import Persona
from mana_lab.runner import Agree, App, Endpoint, ManaDoor, Recorder, ToolInfo
from mana_lab.runner.target.bounded import BoundedTransport
from mana_lab.settings import Settings
from mana_lab.web.addresses import confidential_url, place_of

DEPLOYED_FOLDER: Final = ".mana-lab-deployed"

_TIMEOUT_S = 60.0
_ANSWER_BYTES = 4 * 1024 * 1024
_AT_A_TIME = 8


@dataclass(frozen=True)
class Deployment:
    """Where a Mana runs, and what the passwords of its personas derive from.

    Attributes:
        auth_url: Base URL of its identity service.
        mcp_url: URL of its MCP gateway, with or without ``/mcp`` at the end.
        seed_secret: What the personas were seeded with there; None for ``PERSONA_SEED_SECRET``.

    Raises:
        SettingsError: A URL is none, or passwords would go through other people's networks in
            plain; or there is no secret that is good there.
    """

    auth_url: str
    mcp_url: str
    seed_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        auth_url = confidential_url(self.auth_url, "auth_url")
        mcp_url = confidential_url(self.mcp_url, "mcp_url").removesuffix(MCP_PATH).rstrip("/")
        if self.seed_secret is not None and not self.seed_secret:
            raise SettingsError("seed_secret: is empty; leave it out for PERSONA_SEED_SECRET")
        settings = Settings.from_environment(PERSONA_SEED_SECRET=self.seed_secret)
        object.__setattr__(self, "auth_url", auth_url)
        object.__setattr__(self, "mcp_url", mcp_url + MCP_PATH)
        object.__setattr__(self, "seed_secret", settings.seed_secret_for(auth_url))


class Deployed(ManaDoor, Closing):
    """The door to a Mana that runs elsewhere; made by :meth:`look`.

    Attributes:
        url: What an MCP client connects to.
        auth_url: Where its users sign in.
        tools: What it offers, sorted by name.
    """

    def __init__(self, deployment: Deployment, clock: Clock) -> None:
        self.url = deployment.mcp_url
        self.auth_url = deployment.auth_url
        self.tools: tuple[ToolInfo, ...] = ()
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S)
        self._network = BoundedTransport(httpx2.AsyncHTTPTransport(), _ANSWER_BYTES)
        super().__init__(
            IdentityClient(self.auth_url, self._http),
            deployment.seed_secret or "",
            Endpoint(self.url, self._network, clock=clock),
            clock,
        )

    @classmethod
    async def look(cls, deployment: Deployment, persona: Persona, clock: Clock) -> Self:
        """Sign in as somebody, and see that it is a Mana and what it offers.

        Args:
            deployment: Where it is.
            persona: As whom; they stay signed in.
            clock: The lab's clock.

        Raises:
            UnknownPersonaError: They are not seeded there, or with another secret.
            ProtocolError: One of the addresses is not that of a Mana.
            UnauthenticatedError: The gateway does not take what the identity service gives.
            ManaLabError: It refused, or cannot be reached.
        """
        async with AsyncExitStack() as stack:
            door = cls(deployment, clock)
            stack.push_async_callback(door.close)
            with _asked(f"{door.auth_url} (auth_url)", "Mana's identity service"):
                await door.token(persona)
            with _asked(f"{door.url} (mcp_url)", "Mana's gateway"):
                door.tools = await door._offer(persona)
            stack.pop_all()
        return door

    async def _offer(self, persona: Persona) -> tuple[ToolInfo, ...]:
        recorder = Recorder("", "look", None, clock=self._clock)
        async with await self.enter(persona, recorder) as app:
            name, tools = await app.server(), await app.tools()
        if name != SERVER_NAME:
            raise ProtocolError(
                f"it calls itself {name[:80]!r}; for other MCP servers there is Lab.target()"
            )
        return tuple(tools)

    @property
    def name(self) -> str:
        """What to call it: Mana, and where it is."""
        return f"Mana at {place_of(self.url)}"

    async def enter(
        self,
        persona: Persona,
        recorder: Recorder,
        *,
        space: str | None = None,
        agree: Agree | None = None,
    ) -> App:
        """Let a persona in until their app is closed; see :meth:`ManaDoor.enter`.

        Raises:
            UnknownPersonaError: They are not seeded there, or with another secret.
            NotFoundError: They are in no such space.
            ManaLabError: It refused, or cannot be reached.
        """
        with self._seeded(persona):
            return await super().enter(persona, recorder, space=space, agree=agree)

    async def token(self, persona: Persona) -> str:
        """Return a fresh access token of a persona.

        Raises:
            UnknownPersonaError: They are not seeded there, or with another secret.
            ManaLabError: Identity refused, or cannot be reached.
        """
        with self._seeded(persona):
            return await super().token(persona)

    async def absent(self, personas: Iterable[Persona]) -> dict[str, str]:
        """Return why personas cannot sign in, by their e-mail addresses; nothing for who can."""
        slots = asyncio.Semaphore(_AT_A_TIME)
        reasons: dict[str, str] = {}

        async def one(persona: Persona) -> None:
            async with slots:
                try:
                    await self.token(persona)
                except ManaLabError as error:
                    reasons[persona.email] = error.message

        await asyncio.gather(*map(one, personas))
        return reasons

    @contextmanager
    def _seeded(self, persona: Persona) -> Iterator[None]:
        try:
            yield
        except InvalidCredentialsError:
            raise UnknownPersonaError(
                f"{persona.name} cannot sign in at {self.auth_url}: they are not seeded there, or "
                "with another secret than PERSONA_SEED_SECRET or seed_secret=; what seeds there "
                f"is: python -m mana_lab seed --auth {self.auth_url}"
            ) from None

    async def close(self) -> None:
        """Let go of the network connections; again is harmless."""
        await self.endpoint.close()
        await self._network.aclose()
        await self._http.aclose()

    def __repr__(self) -> str:
        signs_in = place_of(self.auth_url)
        return f"<Deployed: {self.name}, signing in at {signs_in}, {len(self.tools)} tools>"


@contextmanager
def _asked(where: str, what: str) -> Iterator[None]:
    """Say of errors which address they are about, and of answers that make no sense what it is."""
    try:
        yield
    except UnknownPersonaError:
        raise
    except (InvalidInputError, InvalidOutputError, NotFoundError, ProtocolError) as error:
        raise ProtocolError(f"{where} is not {what}: {error.message}") from None
    except UnauthenticatedError as error:
        raise UnauthenticatedError(
            f"{where} does not let in who has the right password: {error.message}; do auth_url "
            "and mcp_url belong to the same Mana?"
        ) from None
    except ServiceUnavailableError as error:
        raise ServiceUnavailableError(f"{where}: {error.message}") from None


class Connecting(ABC):
    """A lab whose personas can use a Mana that runs elsewhere."""

    _deployed: Deployed | None

    @classmethod
    @abstractmethod
    async def open(cls, folder: str | Path, *, target: Deployment | None = None) -> Self:
        """Open the lab in *folder*."""

    @classmethod
    async def connect(
        cls,
        folder: str | Path = DEPLOYED_FOLDER,
        *,
        auth_url: str,
        mcp_url: str,
        seed_secret: str | None = None,
        **how: Any,
    ) -> Self:
        """Open a lab whose personas are users of a Mana that runs elsewhere.

        What they do is done there, in their own accounts and spaces; the audit of their calls,
        their ratings and the runs are kept here, and read as those of any lab. Personas are made
        users there by ``python -m mana_lab seed --auth URL``; :meth:`seed` then takes those who
        can sign in into this lab.

        The lab's time is simulated, and that Mana has its own: its limits of calls a minute count
        there (``serve --calls-per-minute``), and "today" is today there. What varies the app, cuts
        a run into shards or looks into the stores needs a Mana in this process, and is refused.

        Args:
            folder: Where the lab keeps audit, ratings and runs.
            auth_url: Base URL of its identity service.
            mcp_url: URL of its MCP gateway. Plain http is for this machine and for networks that
                nobody else is in.
            seed_secret: What the personas were seeded with there; by default
                ``PERSONA_SEED_SECRET``.
            how: As of :meth:`open`; *catalog* has the personas that are seeded there.

        Raises:
            SettingsError: An address cannot be used, or there is no secret that is good there.
            UnknownPersonaError: The first persona is not seeded there, or with another secret.
            ServiceUnavailableError: It cannot be reached.
            ProtocolError: One of the addresses is not that of a Mana.
            ManaLabError: It refused, or what :meth:`open` raises.
        """
        there = Deployment(auth_url, mcp_url, seed_secret)
        return await cls.open(folder, target=there, **how)

    @property
    def deployed(self) -> Deployed | None:
        """The Mana that the personas use where it runs elsewhere; None for any other lab."""
        return self._deployed
