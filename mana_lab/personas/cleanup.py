"""Cleanup: personas stop being users; nobody else is touched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mana_lab.errors import ManaLabError
from mana_lab.identity.client import IdentityClient
from mana_lab.personas.catalog import Catalog

Forget: TypeAlias = Callable[[str], Awaitable[object]]


@dataclass(frozen=True)
class CleanupReport:
    """What a cleanup found and did, by e-mail address.

    Attributes:
        found: Personas of the catalog that stand in the service.
        deleted: Those of them that were deleted.
        unknown: Personas of the service that the catalog does not have; they are left alone
            unless asked for.
        missing: Personas of the catalog that the service does not have.
        failed: Those that could not be deleted, with the reason.
    """

    found: tuple[str, ...]
    deleted: tuple[str, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    failed: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        parts = [f"{len(self.found)} found", f"{len(self.deleted)} deleted"]
        if self.unknown:
            parts.append(f"{len(self.unknown)} not in the catalog")
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        return f"<CleanupReport: {', '.join(parts)}>"


async def cleanup(
    identity: IdentityClient,
    *,
    admin_token: str,
    catalog: Catalog,
    delete: bool,
    include_unknown: bool = False,
    forget: Forget | None = None,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> CleanupReport:
    """List the catalog's personas in the service and, if asked, delete them.

    Args:
        identity: The identity service.
        admin_token: An administrator's access token.
        catalog: Whom to look for.
        delete: Whether to delete, or only to list.
        include_unknown: Whether personas that the catalog does not have go too.
        forget: Removes what the account with that id left in other services; called before the
            account goes, so that a failure leaves something to try again.
        on_progress: Told after each deletion.

    Raises:
        ManaLabError: The list of personas could not be had.
    """
    standing = {persona.email: persona.user_id for persona in await identity.personas(admin_token)}
    wanted = {persona.email for persona in catalog}
    unknown = tuple(sorted(set(standing) - wanted))
    found = tuple(sorted(set(standing) & wanted)) + (unknown if include_unknown else ())
    deleted: list[str] = []
    failed: dict[str, str] = {}
    for number, email in enumerate(found if delete else (), start=1):
        try:
            if forget is not None:
                await forget(standing[email])
            await identity.delete_persona(admin_token, standing[email])
            deleted.append(email)
        except ManaLabError as error:
            failed[email] = error.message
        if on_progress is not None:
            on_progress(number, len(found), email)
    missing = tuple(sorted(wanted - set(standing)))
    return CleanupReport(found, tuple(deleted), unknown, missing, failed)
