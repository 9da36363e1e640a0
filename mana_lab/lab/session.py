"""A persona's session: the app driven by hand, audited like any tick."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.display import facts_table
from mana_lab.errors import LabClosedError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Space
from mana_lab.lab.deployed import Deployed
from mana_lab.personas import Persona, persona_password
from mana_lab.runner import Agree, App, CallOutcome, Endpoint, Recorder, Toolbox, ToolInfo
from mana_lab.runner.account import Account
from mana_lab.runner.target import TargetDoor
from mana_lab.settings import LabSecrets


@dataclass(frozen=True)
class _Visit:
    app: Toolbox
    recorder: Recorder
    leave: Callable[[], Awaitable[None]]
    space: Space | None = None


class PersonaSession(Closing):
    """One signed-in persona; an async context manager.

    Attributes:
        persona: Who is signed in.
    """

    def __init__(
        self, persona: Persona, visit: _Visit, identity: IdentityClient, service_key: str
    ) -> None:
        self.persona = persona
        self._visit = visit
        self._identity = identity
        self._service_key = service_key
        self._closed = False

    @classmethod
    async def open(
        cls,
        persona: Persona,
        *,
        identity: IdentityClient,
        way_in: Endpoint | TargetDoor | Deployed,
        secrets: LabSecrets,
        clock: Clock,
        space: str | None = None,
        agree: Agree | None = None,
    ) -> PersonaSession:
        """Sign in as *persona* and connect to the app that they use.

        Args:
            persona: Who.
            identity: The lab's identity service, which keeps the audit.
            way_in: The gateway, or the door to another server or to a Mana elsewhere.
            secrets: The lab's.
            clock: The lab's.
            space: For Mana: the space to act in, if not their own.
            agree: For Mana: is asked before something is taken away for good; None refuses it.

        Raises:
            InvalidCredentialsError: The persona is not seeded.
            NotFoundError: The persona is in no such space.
            ManaLabError: The app refused, or cannot be reached.
        """
        password = persona_password(persona.email, secrets.persona_seed_secret.get_secret_value())
        tick = f"by-hand-{uuid.uuid4()}"
        if not isinstance(way_in, Endpoint):
            user_id = (await identity.login(persona.email, password)).user.id
            recorder = Recorder(user_id, tick, None, clock=clock, modules=way_in.module_of)
        if isinstance(way_in, TargetDoor):
            used = await way_in.enter(persona, recorder)
            visit = _Visit(used, recorder, partial(way_in.leave, persona, used))
        elif isinstance(way_in, Deployed):
            app = await way_in.enter(persona, recorder, space=space, agree=agree)
            visit = _Visit(app, recorder, app.close, app.space)
        else:
            recorder = Recorder("", tick, None, clock=clock)
            app = await App.open(
                Account(identity, persona.email, password),
                identity=identity,
                endpoint=way_in,
                recorder=recorder,
                clock=clock,
                space_id=space,
                agree=agree,
            )
            recorder.persona_id = app.user.id
            visit = _Visit(app, recorder, app.close, app.space)
        return cls(persona, visit, identity, secrets.service_key.get_secret_value())

    @property
    def user_id(self) -> str:
        """The id of the persona's account."""
        return self._visit.recorder.persona_id

    @property
    def space_id(self) -> str:
        """The id of the space that they are in; empty where the server has no spaces."""
        return "" if self._visit.space is None else self._visit.space.id

    async def tools(self) -> list[ToolInfo]:
        """Return the tools that the persona sees, sorted by name.

        Raises:
            LabClosedError: The session or its lab is closed.
        """
        self._check_open()
        return await self._visit.app.tools()

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
        outcome = await self._visit.app.call(name, arguments)
        await self._visit.recorder.flush(self._identity, self._service_key)
        return outcome

    async def close(self) -> None:
        """Leave the app; again is harmless."""
        self._closed = True
        await self._visit.leave()

    def __repr__(self) -> str:
        if self._closed:
            return f"<{self.persona.name}, signed out>"
        space = self._visit.space
        where = "" if space is None else f", in the space {space.name!r}"
        return f"<{self.persona.name}, signed in{where}>"

    def _repr_html_(self) -> str:
        space = self._visit.space
        where = {} if self._closed or space is None else {"space": space.name}
        state = "signed out" if self._closed else "signed in"
        return facts_table(self.persona.facts() | {"session": state} | where)

    def _check_open(self) -> None:
        if self._closed:
            raise LabClosedError(
                f"{self.persona.name} is signed out; sign in again with "
                f"await lab.persona({self.persona.slug!r})"
            )
