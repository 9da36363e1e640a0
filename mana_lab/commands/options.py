"""The options that several commands have."""

from __future__ import annotations

import math
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import httpx
import typer
from opentelemetry.trace import TracerProvider

from mana_lab.errors import SettingsError, UnknownPersonaError
from mana_lab.identity.client import IdentityClient
from mana_lab.lab import DEFAULT_FOLDER, Lab, holds_lab
from mana_lab.notebook import Progress
from mana_lab.personas import Catalog
from mana_lab.settings import Settings, revealed
from mana_lab.web.exporting import exporting

_MOST_DAYS = 3660
_TIMEOUT_S = 60.0


def _days(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 < value <= _MOST_DAYS):
        raise typer.BadParameter(f"must be above 0 and at most {_MOST_DAYS}, got {value:g}")
    return value


def _seed(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise typer.BadParameter(f"must be a whole number of 64 bits, got {str(value)[:40]}")
    return value


Folder: TypeAlias = Annotated[
    Path, typer.Option("--dir", file_okay=False, help="The lab's folder.", metavar="DIR")
]
Days: TypeAlias = Annotated[
    float, typer.Option(callback=_days, help="How many simulated days.", metavar="DAYS")
]
FewDays: TypeAlias = Annotated[
    float | None,
    typer.Option(
        callback=_days,
        help="All ticks of so many simulated days; else only the next one.",
        metavar="DAYS",
    ),
]
Seed: TypeAlias = Annotated[
    int,
    typer.Option(callback=_seed, help="The same seed gives the same calls.", metavar="SEED"),
]
HERE = Path(DEFAULT_FOLDER)


def existing_lab(folder: Path) -> Path:
    """Return *folder* if there is a lab in it.

    Raises:
        SettingsError: There is none; nothing was made.
    """
    if not holds_lab(folder):
        raise SettingsError(
            f"there is no lab in {folder}; make one with: {typed('seed', '--dir', folder)}"
        )
    return folder


async def open_lab(folder: Path, tell: Progress, catalog: Catalog | None = None) -> Lab:
    """Open the lab in *folder*, with its data where :func:`database_url` says.

    Args:
        folder: Made if it is missing.
        tell: Told what is being done.
        catalog: As of :meth:`Lab.open`.
    """
    return await Lab.open(folder, catalog=catalog, database_url=database_url(), progress=tell)


def check_seeded(lab: Lab, folder: Path) -> None:
    """Check that somebody is in a lab.

    Raises:
        UnknownPersonaError: Nobody is; the message says how to seed it.
    """
    if lab.personas_df().empty:
        raise UnknownPersonaError(
            f"nobody is seeded in {folder} yet; do it with: {typed('seed', '--dir', folder)}"
        )


def refuse_typed(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Refuse options that were typed although they would not count.

    Args:
        context: What was typed.
        names: The parameters that do not count.
        why: Why they do not.

    Raises:
        SettingsError: One of them was typed.
    """
    given = [
        f"--{name.replace('_', '-')}"
        for name in names
        if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"
    ]
    if given:
        raise SettingsError(f"{why}; leave out {', '.join(given)}")


def database_url() -> str | None:
    """Return the PostgreSQL that the environment names for a lab's data; None for files.

    Raises:
        SettingsError: The environment says something that is not allowed.
    """
    return revealed(Settings.from_environment().database_url)


def spans() -> AbstractContextManager[TracerProvider | None]:
    """Return what sends spans, for as long as it is held, where the environment says.

    Raises:
        SettingsError: The environment says something that is not allowed.
    """
    return exporting(Settings.from_environment().otlp_endpoint)


@asynccontextmanager
async def identity_client(url: str) -> AsyncIterator[IdentityClient]:
    """Connect to the identity service at *url*."""
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http:
        yield IdentityClient(url, http)


def typed(*words: object) -> str:
    """Return the command of these *words* as one types it into a shell."""
    return shlex.join(["python", "-m", "mana_lab", *map(str, words)])
