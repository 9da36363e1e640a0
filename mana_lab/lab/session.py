"""A persona's session: the app driven by hand, audited like any tick."""

from __future__ import annotations

import uuid
from typing import Any

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.errors import LabClosedError
from mana_lab.identity.client import IdentityClient
from mana_lab.personas import Persona, persona_password
from mana_lab.runner import Agree, App, CallOutcome, Endpoint, Recorder, ToolInfo
from mana_lab.settings import LabSecrets


class PersonaSession(Closing):
    """One signed-in persona; an async context manager.

    Attributes:
        persona: Who is signed in.
    """

    def __init__(self, persona: Persona, app: App, identity: IdentityClient, key: str) -> None:
        self.persona = persona
        self._app = app
        self._identity = identity
        self._service_key = key
        self._closed = False

    @classmethod
    async def open(
        cls,
        persona: Persona,
        *,
        identity: IdentityClient,
        endpoint: Endpoint,
        secrets: LabSecrets,
        clock: Clock,
        space: str | None = None,
        agree: Agree | None = None,
    ) -> PersonaSession:
        """Sign in as *persona* and connect to the gateway, in their own space or in *space*.

        *agree* is asked before something is taken away for good; without it, that is refused.

        Raises:
            InvalidCredentialsError: The persona is not seeded.
            NotFoundError: The persona is in no such space.
            ManaLabError: The gateway refused, or cannot be reached.
        """
        password = persona_password(persona.email, secrets.persona_seed_secret.get_secret_value())
        recorder = Recorder("", f"by-hand-{uuid.uuid4()}", None, clock=clock)
        app = await App.open(
            persona.email,
            password,
            identity=identity,
            endpoint=endpoint,
            recorder=recorder,
            clock=clock,
            space_id=space,
            agree=agree,
        )
        recorder.persona_id = app.user.id
        return cls(persona, app, identity, secrets.service_key.get_secret_value())

    @property
    def user_id(self) -> str:
        """The id of the persona's account."""
        return self._app.user.id

    @property
    def space_id(self) -> str:
        """The id of the space that they are in."""
        return self._app.space.id

    async def tools(self) -> list[ToolInfo]:
        """Return the tools that the persona sees, sorted by name.

        Raises:
            LabClosedError: The session or its lab is closed.
        """
        self._check_open()
        return await self._app.tools()

    async def call(self, name: str, /, **arguments: Any) -> CallOutcome:
        """Call a tool; the audit has a row of it, whatever becomes of it.

        Args:
            name: The tool, such as ``todo.create``.
            arguments: Its arguments, such as ``title="Hand in the essay"``.

        Returns:
            What the tool returned or why it failed; a failed call raises nothing.

        Raises:
            LabClosedError: The session or its lab is closed.
        """
        self._check_open()
        outcome = await self._app.call(name, arguments)
        await self._app.recorder.flush(self._identity, self._service_key)
        return outcome

    async def close(self) -> None:
        """Leave the app; again is harmless."""
        self._closed = True
        await self._app.close()

    def __repr__(self) -> str:
        if self._closed:
            return f"<{self.persona.name}, signed out>"
        return f"<{self.persona.name}, signed in, in the space {self._app.space.name!r}>"

    def _check_open(self) -> None:
        if self._closed:
            raise LabClosedError(
                f"{self.persona.name} is signed out; sign in again with "
                f"await lab.persona({self.persona.slug!r})"
            )
