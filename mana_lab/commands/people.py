"""``seed`` and ``cleanup``: personas become users, and stop being ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mana_lab.commands.console import fail_if, finish, progress, refusals, say, show
from mana_lab.commands.options import (
    HERE,
    existing_lab,
    identity_client,
    open_lab,
)
from mana_lab.commands.tables import catalog_table
from mana_lab.errors import SettingsError
from mana_lab.lab import catalog_in
from mana_lab.personas import (
    Catalog,
    CleanupReport,
    SeedReport,
    load_catalog,
)
from mana_lab.personas import cleanup as cleanup_remotely
from mana_lab.personas import sample as sampled
from mana_lab.personas import seed as seed_remotely
from mana_lab.settings import Settings
from mana_lab.web.addresses import service_url

_TOKEN = re.compile(r"[\x21-\x7e]+")

Where: TypeAlias = Annotated[
    Path | None,
    typer.Option("--dir", file_okay=False, help="A lab's folder; else .mana-lab.", metavar="DIR"),
]
Auth: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Instead of a folder: a running identity service.", metavar="URL"),
]
Jwt: TypeAlias = Annotated[
    str | None,
    typer.Option(help="An administrator's token; else MANA_ADMIN_JWT.", metavar="TOKEN"),
]
Sample: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Instead of the catalog: so many sampled personas.", metavar="N"),
]
SampleSeed: TypeAlias = Annotated[
    int | None, typer.Option(help="What the sample derives from; else 7.", metavar="SEED")
]
_SAMPLE_SEED = 7


def seed(
    folder: Where = None,
    auth: Auth = None,
    jwt: Jwt = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done.")
    ] = False,
    sample: Sample = None,
    sample_seed: SampleSeed = None,
) -> None:
    """Make the catalog's personas real users, of a lab or of a running Mana.

    Doing it again changes nothing that is there.
    A lab remembers whom it has: without --sample, those last seeded there.
    Passwords derive from PERSONA_SEED_SECRET; a lab has a secret of its own.

    For example: python -m mana_lab seed --dir my-lab
    """
    with refusals():
        target = _target(folder, auth, jwt)
        catalog = _catalog(target, sample, sample_seed)
        if dry_run:
            show(catalog_table(catalog))
            say(
                f"{len(catalog)} personas would be seeded in {target}, and "
                f"{len(catalog.spaces)} spaces shared; nothing was done"
            )
            return
        if isinstance(target, str):
            remote = _remote(target, jwt)
            secret = Settings.from_environment().seed_secret_for(target)
            work = _seed_there(remote, secret, catalog)
        else:
            work = _seed_lab(target, catalog)
    report = finish(work)
    say(
        f"{report.count('created')} personas were created and {report.count('updated')} updated "
        f"in {target}; they share {len(report.spaces) - len(report.failed_spaces)} spaces"
    )
    reasons = {each.persona.email: each.error or "" for each in report.failed}
    absent = {each.persona.name for each in report.failed}
    for each in report.failed_spaces:
        if absent.isdisjoint(each.space.members):
            reasons[each.space.name] = each.error or ""
    fail_if(reasons, "seeded")


def cleanup(
    folder: Where = None,
    auth: Auth = None,
    jwt: Jwt = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, do not only list.")] = False,
    include_unknown: Annotated[
        bool,
        typer.Option("--include-unknown", help="Also personas that the catalog does not have."),
    ] = False,
    sample: Sample = None,
    sample_seed: SampleSeed = None,
) -> None:
    """List the personas that would be deleted; with --yes delete them. Others are never touched.

    For example: python -m mana_lab cleanup --dir my-lab --yes
    """
    with refusals():
        target = _target(folder, auth, jwt)
        catalog = _catalog(target, sample, sample_seed)
        if isinstance(target, str):
            remote = _remote(target, jwt)
            work = _clean_there(remote, catalog, delete=yes, include_unknown=include_unknown)
        else:
            work = _clean_lab(target, catalog, delete=yes, include_unknown=include_unknown)
    _tell_cleanup(finish(work), deleting=yes, included=include_unknown)


def _target(folder: Path | None, auth: str | None, jwt: str | None) -> Path | str:
    if folder is not None and auth is not None:
        raise SettingsError("--dir is a lab, --auth a running Mana; give one of them, not both")
    if auth is None and jwt is not None:
        raise SettingsError("--jwt goes with --auth URL; a lab in a folder needs no token")
    return folder or HERE if auth is None else service_url(auth)


@dataclass(frozen=True)
class _Remote:
    url: str
    admin_token: str


def _remote(url: str, jwt: str | None) -> _Remote:
    admin = Settings.from_environment().admin_jwt
    given = jwt or (admin.get_secret_value() if admin else None)
    if not given:
        raise SettingsError("--auth needs an administrator's token: --jwt TOKEN or MANA_ADMIN_JWT")
    if not _TOKEN.fullmatch(given):
        raise SettingsError("the administrator's token has characters that no token has")
    return _Remote(url, given)


def _catalog(target: Path | str, n: int | None, seed: int | None) -> Catalog:
    if n is not None:
        return sampled(n, _SAMPLE_SEED if seed is None else seed)
    if seed is not None:
        raise SettingsError("--sample-seed goes with --sample N")
    return load_catalog() if isinstance(target, str) else catalog_in(target)


async def _seed_there(remote: _Remote, secret: str, catalog: Catalog) -> SeedReport:
    with progress() as tell:
        async with identity_client(remote.url) as identity:
            return await seed_remotely(
                catalog,
                identity,
                admin_token=remote.admin_token,
                secret=secret,
                on_progress=_counting(tell, "seeding"),
            )


async def _seed_lab(folder: Path, catalog: Catalog) -> SeedReport:
    with progress() as tell:
        async with await open_lab(folder, tell, catalog) as lab:
            return await lab.seed()


async def _clean_there(
    remote: _Remote, catalog: Catalog, *, delete: bool, include_unknown: bool
) -> CleanupReport:
    with progress() as tell:
        async with identity_client(remote.url) as identity:
            return await cleanup_remotely(
                identity,
                admin_token=remote.admin_token,
                catalog=catalog,
                delete=delete,
                include_unknown=include_unknown,
                on_progress=_counting(tell, "deleting"),
            )


async def _clean_lab(
    folder: Path, catalog: Catalog, *, delete: bool, include_unknown: bool
) -> CleanupReport:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell, catalog) as lab:
            return await lab.cleanup(delete=delete, include_unknown=include_unknown)


def _counting(tell: Callable[[str, int, int], None], label: str) -> Callable[[int, int, str], None]:
    return lambda done, total, _who: tell(label, done, total)


def _tell_cleanup(report: CleanupReport, *, deleting: bool, included: bool) -> None:
    for email in report.deleted if deleting else report.found:
        say(f"{'deleted' if deleting else 'would delete'} {email}")
    if not included:
        for email in report.unknown:
            typer.echo(f"not in the catalog, left alone: {email}", err=True)
    for email in report.missing:
        typer.echo(f"in the catalog, but not seeded: {email}", err=True)
    if deleting:
        say(f"{len(report.deleted)} personas were deleted")
    else:
        say(f"{len(report.found)} personas would be deleted; add --yes to do it")
    fail_if(dict(report.failed), "deleted")
