"""Labs for tests: seeded once, copied for each test, alive in an event loop of their own.

A lab belongs to the event loop that it was opened in, and each plugin for async tests makes loops
in its own way, one for each test as a rule. So labs of tests live in a loop in a thread, and what
a test awaits is carried there and back, whichever loop the test runs in.
"""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any, Self

import pytest
from anyio import get_cancelled_exc_class, to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from mana_lab.checks import got, texts_of
from mana_lab.errors import InvalidInputError
from mana_lab.identity.vault_client import VaultClient
from mana_lab.lab import Gateway, Lab, PersonaSession
from mana_lab.personas import Catalog, catalog_json, load_catalog
from mana_lab.registry import AnyToolSpec

_HELD = (Gateway, PersonaSession, VaultClient)


class Held:
    """Something that lives in the labs' event loop: has its attributes, and carries its coroutines.

    Args:
        thing: A lab, or what one gave.
        portal: The way into the loop.
    """

    def __init__(self, thing: Any, portal: BlockingPortal) -> None:
        self._thing = thing
        self._portal = portal

    def __getattr__(self, name: str) -> Any:
        if name in ("_thing", "_portal"):  # being copied, it has neither yet
            raise AttributeError(name)
        value = getattr(self._thing, name)
        return self._carried(value) if inspect.iscoroutinefunction(value) else value

    def __dir__(self) -> list[str]:
        return dir(self._thing)

    def __repr__(self) -> str:
        return repr(self._thing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._carried(self._thing.close)()

    def wait(self, carried: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a coroutine of this one comes to, for tests that are not async."""
        function = inspect.unwrap(carried)
        return self._held(self._portal.call(partial(function, *args, **kwargs)))

    def _carried(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        async def carried(*args: Any, **kwargs: Any) -> Any:
            future = self._portal.start_task_soon(partial(function, *args, **kwargs))
            try:
                return self._held(await to_thread.run_sync(future.result, abandon_on_cancel=True))
            except get_cancelled_exc_class():
                future.cancel()
                raise

        return carried

    def _held(self, value: Any) -> Any:
        return Held(value, self._portal) if isinstance(value, _HELD) else value


class Labs:
    """The labs of a session of tests.

    Args:
        folders: Where their folders are made.
        portal: The way into their event loop.
    """

    def __init__(self, folders: pytest.TempPathFactory, portal: BlockingPortal) -> None:
        self._folders = folders
        self._portal = portal
        self._seeded: dict[str, Path] = {}

    @classmethod
    @contextmanager
    def open(cls, folders: pytest.TempPathFactory) -> Iterator[Labs]:
        """Begin an event loop in a thread, and end it in the end."""
        with start_blocking_portal("asyncio", name="mana-lab-tests") as portal:
            yield cls(folders, portal)

    @contextmanager
    def lab(
        self,
        *,
        personas: Iterable[str] | Catalog | None = None,
        tools: Iterable[AnyToolSpec] = (),
    ) -> Iterator[Held]:
        """Give a lab of its own, and close it in the end.

        Args:
            personas: Who is in it, by name, or a catalog; by default those that ship.
            tools: What it offers besides the tools of the app.

        Raises:
            UnknownPersonaError: The catalog has no such persona.
            InvalidInputError: Nobody would be in it, or *personas* is no collection of names.
            ManaLabError: As of :meth:`Lab.open`.
        """
        catalog = _catalog(personas)
        if not len(catalog):
            raise InvalidInputError(
                f"personas: got {got(personas)}, allowed: at least one name, or none at all for "
                "all that ship"
            )
        folder = self._folders.mktemp("mana-lab") / "lab"
        shutil.copytree(self._seeded_folder(catalog), folder)
        opening = partial(Lab.open, folder, catalog=catalog, tools=tuple(tools))
        lab = self._portal.call(opening)
        try:
            yield Held(lab, self._portal)
        finally:
            self._portal.call(lab.close)

    def _seeded_folder(self, catalog: Catalog) -> Path:
        key = catalog_json(catalog)
        if key not in self._seeded:
            folder = self._folders.mktemp("mana-lab-seeded") / "lab"
            self._portal.call(_seed, folder, catalog)
            self._seeded[key] = folder
        return self._seeded[key]


async def _seed(folder: Path, catalog: Catalog) -> None:
    async with await Lab.open(folder, catalog=catalog) as lab:
        report = await lab.seed()
    if report.failed:
        pytest.fail(f"personas could not be seeded: {report.failed}", pytrace=False)


def _catalog(personas: Iterable[str] | Catalog | None) -> Catalog:
    if isinstance(personas, Catalog):
        return personas
    shipped = load_catalog()
    if personas is None:
        return shipped
    names = [personas] if isinstance(personas, str) else texts_of(personas, "personas", "anna")
    chosen = list({(who := shipped.get(name)).email: who for name in names}.values())
    spaces = [
        space
        for space in shipped.spaces
        if all(member in chosen for member in shipped.members_of(space))
    ]
    return Catalog(chosen, spaces)
