"""The lab as its users hold it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx2
from opentelemetry.trace import TracerProvider

from mana_lab.clock import Clock
from mana_lab.crypto import CipherPolicy, WireForm
from mana_lab.errors import (
    InvalidCredentialsError,
    InvalidInputError,
    LabClosedError,
    UnknownPersonaError,
)
from mana_lab.gateway import DEFAULT_PORT, MCP_PATH, log_of, running
from mana_lab.gateway.origins import origin_rules
from mana_lab.gateway.rates import CALLS_A_MINUTE
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.vault_client import VaultClient
from mana_lab.lab.deployed import Connecting, Deployed, Deployment
from mana_lab.lab.experimenting import Experimenting
from mana_lab.lab.folder import KeptCatalog, LabFolder, catalog_in
from mana_lab.lab.history import RecordHistory, histories
from mana_lab.lab.keeping import Keeping
from mana_lab.lab.replaying import Replaying
from mana_lab.lab.services import ADMIN_EMAIL, INSIDE, Ground, Services, Stores, wired
from mana_lab.lab.serving import Gateway
from mana_lab.lab.session import PersonaSession
from mana_lab.lab.target import Target, Targeting
from mana_lab.lab.time import time_of
from mana_lab.lab.tools import tools_of
from mana_lab.lab.walls import owners_found
from mana_lab.notebook import Progress, in_notebook, line, silent
from mana_lab.personas import (
    Catalog,
    CleanupReport,
    Persona,
    SeedReport,
    cleanup,
    persona_password,
    seed,
)
from mana_lab.registry import AnyToolSpec
from mana_lab.runner import (
    Agree,
    Endpoint,
    Holder,
    Ledger,
    ManaDoor,
)
from mana_lab.runner.target import TargetDoor
from mana_lab.storage import RowScope

if TYPE_CHECKING:
    from mana_lab.analysis import Source

DEFAULT_FOLDER = ".mana-lab"
MIRROR = "mirror"
"""The folder in a lab's own with the rows of large runs, for reading them fast."""


class Lab(Targeting, Connecting, Experimenting, Keeping, Replaying):
    """Identity, sync, gateway, personas and analysis, embedded in this process.

    Open one with :meth:`open`; it is an async context manager.

    Attributes:
        catalog: The personas.
        registry: The tools.
        clock: The lab's time.
    """

    def __init__(
        self,
        kept: KeptCatalog,
        ground: Ground,
        services: Services,
        catalog: Catalog,
        progress: Progress,
        stack: AsyncExitStack,
        elsewhere: TargetDoor | Deployed | None = None,
    ) -> None:
        self.catalog = catalog
        self.registry = ground.registry
        self.clock = clock = ground.clock
        self._kept = kept
        self._folder = kept.path
        self._ground = ground
        self._stores = ground.stores
        self._services = services
        self._secrets = ground.secrets
        self._progress = progress
        self._stack = stack
        transport = httpx2.ASGITransport(app=services.gateway_app)
        self._endpoint = Endpoint(
            INSIDE + MCP_PATH, transport, clock=clock, partition=ground.variants.partition
        )
        self._ledger = Ledger(
            ground.stores.ledger, Holder(f"lab {uuid.uuid4()}", alone=ground.alone)
        )
        self._target = elsewhere if isinstance(elsewhere, TargetDoor) else None
        self._deployed = elsewhere if isinstance(elsewhere, Deployed) else None
        seed_secret = ground.secrets.persona_seed_secret.get_secret_value()
        self._door = elsewhere or ManaDoor(services.identity, seed_secret, self._endpoint, clock)
        self._gateway: Gateway | None = None
        self._closed = False

    @classmethod
    async def open(
        cls,
        folder: str | Path = DEFAULT_FOLDER,
        *,
        clock: Clock | None = None,
        catalog: Catalog | None = None,
        tools: Iterable[AnyToolSpec] = (),
        approve_tools: bool = False,
        ciphertext: WireForm = "enc:2:",
        database_url: str | None = None,
        calls_per_minute: int = CALLS_A_MINUTE,
        tracer_provider: TracerProvider | None = None,
        progress: Progress | None = None,
        target: Target | Deployment | None = None,
    ) -> Self:
        """Open the lab in *folder*, which is made if it is missing.

        Args:
            folder: Where the lab keeps its databases and secrets; one process at a time has it.
            clock: The lab's time. By default simulated: it begins on Monday 2026-01-05, stands
                still, and goes on where the last run ended.
            catalog: The personas; by default those that were last seeded in the folder, or else
                those that ship with the package.
            tools: More tools than those of the app and of installed packages.
            approve_tools: Whether the tools of installed packages are approved as they are now.
            ciphertext: How encrypted values are written: ``enc:2:``, bound to their place, or
                ``enc:1:``, as the app in a browser reads them. Both are read.
            database_url: A PostgreSQL database to keep the data in, such as
                ``postgresql://user@host/name``; the folder then has the secrets, without which
                nobody can read them. By default SQLite files in the folder.
            calls_per_minute: How often a user may call one tool, in a minute of the lab's time or
                of real time, whichever is over first.
            tracer_provider: Where OpenTelemetry spans of all services go; None makes none.
            progress: Told what is being done; by default a line in a notebook, else nothing.
            target: What the personas use instead of the lab's own Mana: another server, or a Mana
                that runs elsewhere; see :meth:`target` and :meth:`connect`.

        Raises:
            LabBusyError: The folder is open elsewhere.
            SettingsError: The folder cannot be used or holds something else, such as an archive,
                or its secrets are damaged, or one of its databases has vanished.
            CatalogError: The folder's catalog breaks one of its rules.
            DuplicateToolError: There is a tool of that name already.
            ToolDriftError: A tool of an installed package has changed since it was approved.
            StoreUnavailableError: The database cannot be reached.
            StoreForeignError: The database holds somebody else's tables.
            StoreRoleError: Row-level security would not bind the work that is done there.
        """
        async with AsyncExitStack() as stack:
            held = LabFolder(Path(folder))
            stack.callback(held.release)
            known = catalog or catalog_in(held.path)
            kept = KeptCatalog(held.path, known)
            registry = tools_of(held, tools, approve=approve_tools)
            stores = await stack.enter_async_context(Stores.open(held, database_url))
            time = clock or await time_of(stores)
            ground = Ground(
                stores,
                held.secrets,
                time,
                registry,
                CipherPolicy(ciphertext),
                alone=database_url is None,
                calls_per_minute=calls_per_minute,
                tracer_provider=tracer_provider,
            )
            services = await stack.enter_async_context(wired(ground))
            await stack.enter_async_context(running(services.gateway_app))
            tell = progress or (line if in_notebook() else silent)
            if target is None:
                return cls(kept, ground, services, known, tell, stack.pop_all())
            if isinstance(target, Deployment):
                there = await Deployed.look(target, known[0], time)
                stack.push_async_callback(there.close)
                return cls(kept, ground, services, known, tell, stack.pop_all(), there)
            door = await target.open(held.path, time, known[0])
            stack.push_async_callback(door.close)
            known = Catalog([door.cast(persona) for persona in known])  # who share no spaces there
            return cls(kept, ground, services, known, tell, stack.pop_all(), door)

    async def seed(self) -> SeedReport:
        """Make the catalog's personas real users: accounts, vaults, personal spaces.

        Seeding again changes nothing that is there already. The folder keeps the catalog, so that
        the lab has these personas also when it is opened without one.

        Who uses a Mana elsewhere is no user by this: those who can sign in there are taken into
        the lab, so that it can keep what they do. See :meth:`connect`.

        Returns:
            What became of each persona; ``failed`` lists those that could not be seeded.
        """
        self._check_open()
        self._kept.keep()
        if self._deployed is None:
            return await self._seed(self.catalog)
        absent = await self._deployed.absent(self.catalog)
        present = [each for each in self.catalog if each.email not in absent]
        report = await self._seed(Catalog(present))  # their spaces are there
        return report.with_failed(self.catalog, absent)

    async def _seed(self, catalog: Catalog) -> SeedReport:
        return await seed(
            catalog,
            self._services.identity,
            admin_token=await self._admin_token(),
            secret=self._secrets.persona_seed_secret.get_secret_value(),
            on_progress=lambda done, total, _name: self._progress("seeding", done, total),
        )

    async def cleanup(
        self, *, delete: bool = False, include_unknown: bool = False
    ) -> CleanupReport:
        """List the personas that stand in the lab, and delete them if asked to.

        With an account go its vault, its personal space, its records in the app, its audited calls,
        its ratings and its ticks. A space that others are in too is theirs from then on, with all
        that is in it. When all are gone, the folder no longer keeps their catalog.

        Args:
            delete: Whether to delete, or only to list.
            include_unknown: Whether personas that the catalog does not have go too.
        """
        self._check_open()
        key = self._secrets.service_key.get_secret_value()

        async def forget(user_id: str) -> None:
            await self._services.sync.forget_user(key, user_id)
            await self._ledger.forget(user_id)
            await log_of(self._services.gateway_app).forget_user(user_id)

        report = await cleanup(
            self._services.identity,
            admin_token=await self._admin_token(),
            catalog=self.catalog,
            delete=delete,
            include_unknown=include_unknown,
            forget=forget,
            on_progress=lambda done, total, _name: self._progress("deleting", done, total),
        )
        if delete:
            shutil.rmtree(self._folder / MIRROR, ignore_errors=True)
        if delete and not report.failed:
            self._kept.forget()
        return report

    async def persona(
        self, name: str, *, space: str | None = None, agree: Agree | None = None
    ) -> PersonaSession:
        """Sign in as a persona, through the same door as a human.

        Args:
            name: The persona's name, such as ``anna``, or e-mail address.
            space: The slug or the id of a space that they share, such as ``anna-and-ben``; their
                own when None.
            agree: Is asked before something is taken away for good, such as
                ``lambda question: input(question) == "yes"``; None refuses it.

        Raises:
            UnknownPersonaError: The catalog has no such persona, or they are not seeded.
            NotFoundError: They are in no such space.
            InvalidInputError: *space* or *agree* is given, and the personas do not use Mana.
        """
        self._check_open()
        persona = self.catalog.get(name)
        if self._target is not None and (space is not None or agree is not None):
            raise InvalidInputError("space= and agree= are Mana's; this lab uses another server")
        with _seeded(persona):
            session = await PersonaSession.open(
                persona,
                identity=self._services.identity,
                way_in=self._target or self._deployed or self._endpoint,
                secrets=self._secrets,
                clock=self.clock,
                space=space,
                agree=agree,
            )
        self._stack.push_async_callback(session.close)
        return session

    async def allow(self, name: str, *tools: str, space: str | None = None) -> None:
        """Say as a persona which destructive tools may be used in a space; all others may not.

        Each use still needs somebody's word (``lab.persona(name, agree=…)``).

        Args:
            name: Who says so: an owner or an admin of the space.
            tools: All that are allowed from now on, such as ``notes.delete``; none for none.
            space: The id of the space; the persona's own when None.

        Raises:
            ForbiddenError: They are neither owner nor admin there.
            InvalidInputError: A name is none of a tool.
        """
        token = await self.token(name)
        identity = self._users
        if space is None:
            own = [each for each in await identity.spaces(token) if each.type == "personal"]
            space = own[0].id
        await identity.set_space_policy(token, space, tools, acknowledged=True)

    async def token(self, name: str) -> str:
        """Return a fresh access token of a persona, for an MCP client.

        It is good for 15 minutes of the lab's time: as long as simulated time stands still.

        Args:
            name: The persona's name or e-mail address.

        Raises:
            UnknownPersonaError: The catalog has no such persona, or they are not seeded.
        """
        self._check_open()
        persona = self.catalog.get(name)
        if self._deployed is not None:
            return await self._deployed.token(persona)
        secret = self._secrets.persona_seed_secret.get_secret_value()
        with _seeded(persona):
            login = await self._services.identity.login(
                persona.email, persona_password(persona.email, secret)
            )
        return login.access_token

    async def vault(self, name: str) -> VaultClient:
        """Return a persona's vault as their own app has it: to lock it, rotate it or open it.

        Args:
            name: The persona's name or e-mail address.

        Raises:
            UnknownPersonaError: The catalog has no such persona, or they are not seeded.
        """
        return VaultClient(self._users, await self.token(name))

    async def unfiltered(self, name: str | None = None, *, space: str | None = None) -> list[str]:
        """Return whose records a query finds that forgets to ask whose they are.

        On PostgreSQL row-level security leaves it those that the persona may read; SQLite has no
        such thing, so there it finds everybody's, and only the services' own queries keep records
        apart.

        Args:
            name: The persona that the query is run for, by name or e-mail address; nobody when
                None.
            space: The slug or the id of a space of theirs that it is run for as well.

        Returns:
            The names of the records' authors, sorted.

        Raises:
            UnknownPersonaError: The catalog has no such persona, or they are not seeded.
            NotFoundError: They are in no such space.
        """
        self._check_open()
        self._check_own("stores are read of the lab's own Mana")
        scope = None
        if name is not None:
            async with await self.persona(name, space=space) as session:
                shared = frozenset[str]() if space is None else frozenset({session.space_id})
                scope = RowScope(session.user_id, shared)
        found = await owners_found(self._stores.sync, scope)
        known = self.personas_df()
        return sorted(known[known["user_id"].isin(found)]["persona"])

    async def explain(self, record_id: str, persona: str | None = None) -> list[RecordHistory]:
        """Return what happened to a record: which write won each field, and which ones lost.

        Args:
            record_id: The record.
            persona: Who reads, by name or e-mail address; each one in turn when None, until the
                record is found.

        Returns:
            One history for every table and space that has a record of that id; none when nobody
            of them may read one.

        Raises:
            UnknownPersonaError: The catalog has no such persona, or they are not seeded.
        """
        self._check_open()
        self._check_own("records are explained of the lab's own Mana")
        readers = [persona] if persona is not None else [each.email for each in self.catalog]
        await self._check_seeded()
        for reader in readers:
            try:
                token = await self.token(reader)
            except UnknownPersonaError:
                if persona is not None:
                    raise
                continue
            tables = self.registry.tables()
            if found := await histories(self._services.sync, token, tables, record_id):
                return found
        return []

    async def serve(self, port: int = DEFAULT_PORT, *, origins: Sequence[str] = ()) -> Gateway:
        """Offer the gateway on a port of this machine, to any MCP client.

        It answers from a thread of its own, also while a cell computes. Serving again stops the
        former gateway first.

        Args:
            port: Where to listen, on 127.0.0.1 only; 0 picks a free port.
            origins: Whose pages may call it, besides those of this machine, such as
                ``https://app.example``.

        Raises:
            PortInUseError: Another program has the port.
            SettingsError: There is no such port, or one of *origins* is none.
        """
        self._check_open()
        self._check_own("what is served is the lab's own Mana")
        pages = origin_rules(origins)
        if self._gateway is not None:
            await self._gateway.close()
        self._gateway = await Gateway.open(port, self._ground, pages)
        return self._gateway

    async def close(self) -> None:
        """Sign everybody out, stop serving and free the folder; again is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._gateway is not None:
                await self._gateway.close()
        finally:
            await self._stack.aclose()

    def __repr__(self) -> str:
        if self._closed:
            return "<Lab: closed>"
        name = self._deployed or self.server
        where = "" if name is None else f" using {name.name}"
        return f"<Lab: {len(self.catalog)} personas{where}, {self.clock.now():%Y-%m-%d %H:%M} UTC>"

    @property
    def _users(self) -> IdentityClient:
        """Where the users are that the personas are in the app."""
        return self._services.identity if self._deployed is None else self._deployed.identity

    def _check_open(self) -> None:
        if self._closed:
            raise LabClosedError("this lab is closed; open it again with await Lab.open(...)")

    def _source(self) -> Source:
        from mana_lab.analysis import Databases

        self._check_open()
        stores = self._stores
        return Databases(
            {"identity": stores.identity.engine, "ledger": stores.ledger.engine},
            self._folder / MIRROR,
            lambda done, total: self._progress("calls read", done, total),
        )

    async def _admin_token(self) -> str:
        password = self._secrets.admin_password.get_secret_value()
        return (await self._services.identity.login(ADMIN_EMAIL, password)).access_token


@contextmanager
def _seeded(persona: Persona) -> Iterator[None]:
    try:
        yield
    except InvalidCredentialsError:
        raise UnknownPersonaError(
            f"{persona.name} is in the catalog but not seeded yet; run await lab.seed() first"
        ) from None
