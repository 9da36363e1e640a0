"""The door to an app: where a persona goes in for a tick."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from mana_lab.clock import Clock
from mana_lab.identity.client import IdentityClient
from mana_lab.personas import Persona, persona_password
from mana_lab.runner.account import Account, SignedIn
from mana_lab.runner.calls import Toolbox, module_of
from mana_lab.runner.connection import Agree
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.recorder import Recorder
from mana_lab.runner.session import App


class Door(Protocol):
    """Lets personas into the app that they use."""

    def module_of(self, tool_name: str) -> str:
        """Return the module that a tool of the app belongs to."""
        ...

    def cast(self, persona: Persona) -> Persona:
        """Return a persona as a user of the app: who wants modules that it has."""
        ...

    def open(self, persona: Persona, recorder: Recorder) -> AbstractAsyncContextManager[Toolbox]:
        """Let a persona in; at the end they leave.

        Args:
            persona: Who comes.
            recorder: Where the audit of what they do collects.

        Raises:
            ManaLabError: The app refused them, cannot be reached, or was gone in the end.
        """
        ...


class ManaDoor:
    """The door to Mana: personas sign in like any human, and stay signed in.

    Args:
        identity: Where they sign in.
        seed_secret: What their passwords derive from.
        endpoint: Where the gateway is.
        clock: Measures latencies.

    Attributes:
        identity: Where they sign in.
        endpoint: Where the gateway is.
    """

    def __init__(
        self, identity: IdentityClient, seed_secret: str, endpoint: Endpoint, clock: Clock
    ) -> None:
        self.identity = identity
        self._seed_secret = seed_secret
        self.endpoint = endpoint
        self._clock = clock
        self._sessions: dict[str, SignedIn] = {}

    def module_of(self, tool_name: str) -> str:
        """Return the module that stands in the tool's name."""
        return module_of(tool_name)

    def cast(self, persona: Persona) -> Persona:
        """Return the persona as they are: Mana is what the catalog speaks of."""
        return persona

    @asynccontextmanager
    async def open(self, persona: Persona, recorder: Recorder) -> AsyncIterator[Toolbox]:
        """Sign in, where they are not signed in still, and connect to the gateway."""
        async with await self.enter(persona, recorder) as app:
            yield app

    async def enter(
        self,
        persona: Persona,
        recorder: Recorder,
        *,
        space: str | None = None,
        agree: Agree | None = None,
    ) -> App:
        """Let a persona in until their app is closed.

        Args:
            persona: Who comes.
            recorder: Where the audit of what they do collects.
            space: The id or the slug of the space to act in; their own when None.
            agree: Is asked before something is taken away for good; None refuses it.

        Raises:
            InvalidCredentialsError: They have no account there, or another password.
            NotFoundError: They are in no such space.
            ManaLabError: Identity or the gateway refused, or cannot be reached.
        """
        return await App.open(
            self._account(persona),
            identity=self.identity,
            endpoint=self.endpoint,
            recorder=recorder,
            clock=self._clock,
            space_id=space,
            agree=agree,
        )

    async def token(self, persona: Persona) -> str:
        """Return a fresh access token of a persona.

        Raises:
            InvalidCredentialsError: They have no account there, or another password.
            ManaLabError: Identity refused, or cannot be reached.
        """
        return await self._account(persona).token()

    def _account(self, persona: Persona) -> Account:
        password = persona_password(persona.email, self._seed_secret)
        return Account(self.identity, persona.email, password, self._sessions)
