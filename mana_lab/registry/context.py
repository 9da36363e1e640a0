"""ToolContext: who calls a tool, where, when, and what the call may reach.

One context is one call. Handlers get everything from it and nothing from the environment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from mana_lab.clock import Clock, iso_millis
from mana_lab.errors import InfrastructureError
from mana_lab.identity.wire import Space
from mana_lab.registry.principal import Principal, SpaceLike
from mana_lab.registry.records import PolicyHint, Records
from mana_lab.registry.tables import Table


class ProgressReport(Protocol):
    """Tells the caller of a tool how far it is."""

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Say how far it is."""
        ...


class RecordsOpener(Protocol):
    """Opens the records of a table for one caller in one space."""

    def __call__(self, table: Table, *, policy_hint: PolicyHint, tool: str) -> Records:
        """Return the records of *table*."""
        ...


@dataclass(frozen=True)
class ToolContext:
    """What a handler works with; made by :meth:`Backend.context` for every call.

    Attributes:
        principal: The verified caller.
        space: The active space; the caller is a member of it.
        clock: The lab's time.
        open_records: How tables are opened.
        list_spaces: How the caller's spaces are listed.
        ids: Where the ids of new records come from.
        report: Tells the caller how far the tool is; None where nobody wants to know.
        tables: The only tables that may be opened; None for any.
        policy_hint: What may be done to records.
        tool: What opens them.
    """

    principal: Principal
    space: SpaceLike
    clock: Clock
    open_records: RecordsOpener = field(repr=False)
    list_spaces: Callable[[], Awaitable[list[Space]]] = field(repr=False)
    ids: Iterator[str] = field(repr=False)
    report: ProgressReport | None = field(default=None, repr=False)
    tables: tuple[Table, ...] | None = None
    policy_hint: PolicyHint = "destructive"
    tool: str = "tools"

    def records(self, table: Table) -> Records:
        """Open a table in the active space.

        Raises:
            InfrastructureError: The tool did not declare the table.
        """
        if self.tables is not None and table not in self.tables:
            raise InfrastructureError(
                f"{table.app_id}/{table.name} is not among the tables that the tool declares"
            )
        return self.open_records(table, policy_hint=self.policy_hint, tool=self.tool)

    async def spaces(self) -> list[Space]:
        """Return the spaces that the caller is a member of."""
        return await self.list_spaces()

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Tell the caller how far the tool is, if they want to know.

        Args:
            progress: How much is done; more with every call.
            total: How much there is to do, where that is known.
            message: What is being done.
        """
        if self.report is not None:
            await self.report(progress, total, message)

    def new_id(self) -> str:
        """Return the id for a new record; a call done again gets the same ids again."""
        return next(self.ids)

    def now(self) -> datetime:
        """Return the lab's time, aware."""
        return self.clock.now()

    def timestamp(self) -> str:
        """Return the lab's time as records write it: ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
        return iso_millis(self.now())

    def today(self) -> date:
        """Return the day that it is where the caller lives."""
        return self.now().astimezone(self.principal.zone).date()

    def bounded(
        self, tables: tuple[Table, ...], policy_hint: PolicyHint, tool: str = "tools"
    ) -> ToolContext:
        """Return this context for one tool: only its tables, and only what its hint allows."""
        # not dataclasses.replace, which takes several times as long
        return ToolContext(
            self.principal,
            self.space,
            self.clock,
            self.open_records,
            self.list_spaces,
            self.ids,
            self.report,
            tables,
            policy_hint,
            tool,
        )
