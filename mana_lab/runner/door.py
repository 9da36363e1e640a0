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
    """

    def __init__(
        self, identity: IdentityClient, seed_secret: str, endpoint: Endpoint, clock: Clock
    ) -> None:
        self._identity = identity
        self._seed_secret = seed_secret
        self._endpoint = endpoint
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
        password = persona_password(persona.email, self._seed_secret)
        app = await App.open(
            Account(self._identity, persona.email, password, self._sessions),
            identity=self._identity,
            endpoint=self._endpoint,
            recorder=recorder,
            clock=self._clock,
        )
        async with app:
            yield app
