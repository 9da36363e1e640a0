"""``shards`` and ``run --shard``: a run in parts that any machine can live."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError

from mana_lab.commands.console import finish, progress, refusals, say
from mana_lab.commands.options import (
    HERE,
    Days,
    Folder,
    Seed,
    check_seeded,
    existing_lab,
    open_lab,
    typed,
)
from mana_lab.errors import SettingsError
from mana_lab.lab import UNTHROTTLED, database_in, holds_lab
from mana_lab.notebook import Progress
from mana_lab.runner.brains import CHOICE, SCRIPTED
from mana_lab.runner.run import RunStatus
from mana_lab.runner.shards import Access, Shard, Site, live
from mana_lab.runner.terms import DEFAULT_CONCURRENCY
from mana_lab.settings import DEFAULT_AUTH_URL, LabSecrets, Settings
from mana_lab.web.addresses import service_url


def shards(
    out: Annotated[
        Path,
        typer.Option(file_okay=False, help="Folder for the files of the shards.", metavar="DIR"),
    ],
    folder: Folder = HERE,
    days: Days = 14,
    seed: Seed = 7,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many parts.")] = 10,
    auth_url: Annotated[
        str, typer.Option(help="Where identity will stand for those who live them.")
    ] = DEFAULT_AUTH_URL,
    mcp_url: Annotated[
        str, typer.Option(help="Where the gateway's endpoint will stand.")
    ] = "http://127.0.0.1:3069/mcp",
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="How many of a part use the app at once.")
    ] = DEFAULT_CONCURRENCY,
    budget: Annotated[
        str | None,
        typer.Option(help="US dollars that models may take in the whole run.", metavar="USD"),
    ] = None,
    brain: Annotated[str, typer.Option(help=CHOICE, metavar="BRAIN")] = SCRIPTED,
) -> None:
    """Begin a run in parts: a file for each, lived with run --shard FILE, anywhere.

    For example: python -m mana_lab shards --dir my-lab --days 14 --count 20 --out shards
    """
    with refusals():
        site = _site(service_url(auth_url, "--auth-url"), service_url(mcp_url, "--mcp-url"))
        if out.exists() and any(out.iterdir()):
            raise SettingsError(f"{out} is not empty; give a folder of their own for the shards")
    how: dict[str, Any] = {"concurrency": concurrency, "budget": budget, "brain": brain}
    with refusals():
        known = existing_lab(folder)
    parts = finish(_cut(known, count, site, {"days": days, "seed": seed, **how}))
    with refusals():
        last = _write(parts, out)
    say(f"{len(parts)} shards are in {out}. Serve the lab with:")
    say(f"  {typed('serve', '--dir', folder, '--workers', 2, '--calls-per-minute', UNTHROTTLED)}")
    say("and live each of them, wherever these services can be reached, with:")
    say(f"  {typed('run', '--dir', folder, '--shard', last)}")


def _site(auth_url: str, mcp_url: str) -> Site:
    try:
        return Site(auth_url=auth_url, mcp_url=mcp_url)
    except ValidationError as error:
        option = str(error.errors()[0]["loc"][0]).replace("_", "-")
        raise SettingsError(f"--{option}: a shard holds no user and no password") from None


async def _cut(folder: Path, count: int, site: Site, how: dict[str, Any]) -> list[Shard]:
    with progress() as tell:
        async with await open_lab(folder, tell) as lab:
            check_seeded(lab, folder)
            return await lab.shards(count, site, **how)


def _write(parts: list[Shard], out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    digits = len(str(len(parts)))
    for part in parts:
        path = out / f"shard-{part.number:0{digits}}.json"
        path.write_text(part.to_json(), encoding="utf-8")
    return path


@dataclass
class Lived:
    """What came of a shard.

    Attributes:
        shard: Which one it is.
        status: How it ended; ``running`` where it was cancelled before that.
        ended: How many of its ticks had ended when it was cancelled.
        released: How many had begun when it was cancelled, and are left to whoever lives it next.
    """

    shard: Shard
    status: RunStatus = "running"
    ended: int = 0
    released: int = 0

    def __str__(self) -> str:
        return f"shard {self.shard.number} of {self.shard.of}"


async def live_shard(path: Path, folder: Path, tell: Progress) -> Lived:
    """Live the shard of a file to its end, as far as the run's budget goes, or until cancelled.

    Args:
        path: The file.
        folder: A lab whose secrets count where the environment says none.
        tell: Told how many ticks have ended.

    Returns:
        What came of it.
    """
    lived = Lived(Shard.read(path))
    access = access_of(folder)

    def count(done: int, _: datetime) -> None:
        tell(f"ticks of {lived}", done, done)

    def let_go(ended: int, released: int) -> None:
        lived.ended, lived.released = ended, released

    with suppress(asyncio.CancelledError):  # what was cancelled says how far it came
        lived.status = await live(lived.shard, access, on_progress=count, on_release=let_go)
    return lived


def access_of(folder: Path) -> Access:
    """Return the secrets that the environment says, or else the lab in *folder*.

    Raises:
        SettingsError: Neither does.
    """
    settings = Settings.from_environment()
    kept = LabSecrets.load(folder) if holds_lab(folder) else None
    ledger = settings.database_url
    if ledger is None and kept is not None:
        ledger = SecretStr(database_in(folder, "ledger"))
    service_key = settings.service_key or (kept and kept.service_key)
    seed_secret = settings.persona_seed_secret or (kept and kept.persona_seed_secret)
    if ledger is None or service_key is None or seed_secret is None:
        raise SettingsError(
            f"there is no lab in {folder}; give one with --dir, or set DATABASE_URL, "
            "MANA_SERVICE_KEY and PERSONA_SEED_SECRET"
        )
    return Access(ledger_url=ledger, service_key=service_key, seed_secret=seed_secret)
