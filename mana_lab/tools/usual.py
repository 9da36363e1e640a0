"""What every module of the app offers in the same way: to read one thing, and to delete it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import Field

from mana_lab.registry import Done, Table, ToolContext, ToolInput, ToolOutput, ToolSpec, Uuid

One = TypeVar("One", bound=ToolOutput)


def changes_of(given: ToolInput) -> dict[str, Any]:
    """Return what an update names, by wire name, without the id."""
    return given.model_dump(by_alias=True, exclude_unset=True, exclude={"id"})


def containing(query: str, *names: str) -> Callable[[Mapping[str, Any]], bool] | None:
    """Return the test for records with *query* in one of those fields; None for all records.

    Args:
        query: The text to look for, whatever its case; empty finds everything.
        names: The fields, by wire name; of a list of texts each is looked at.
    """
    wanted = query.casefold()
    if not wanted:
        return None

    def matches(record: Mapping[str, Any]) -> bool:
        return any(_contains(record.get(name), wanted) for name in names)

    return matches


def _contains(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return wanted in value.casefold()
    return isinstance(value, list) and any(_contains(item, wanted) for item in value)


class RecordId(ToolInput):
    """Which record."""

    id: Uuid = Field(description="Its id, from a tool of this module that lists or searches")


def get_tool(name: str, table: Table, one: type[One], *, noun: str, found_by: str) -> Any:
    """Return the tool that reads one record in full.

    Args:
        name: Of the tool, such as ``notes.get``.
        table: Where the record is.
        one: The output: a model with one field, the record's model.
        noun: What the record is for people, such as ``note``.
        found_by: The tool that gives ids, such as ``notes.search``.
    """
    ((field, info),) = one.model_fields.items()
    item: Any = info.annotation

    async def handler(given: RecordId, ctx: ToolContext) -> One:
        return one(**{field: item.of(await ctx.records(table).get(given.id))})

    return ToolSpec(
        name,
        f"Read one {noun} in full, as it is now.\n"
        f"For one whose id is known; to find some use {found_by}. Changes nothing.\n"
        f'Example: {{"id": "<id from {found_by}>"}}',
        RecordId,
        one,
        handler,
        policy_hint="read",
        tables=(table,),
    )


def delete_tool(name: str, table: Table, *, noun: str, instead: str) -> Any:
    """Return the tool that takes one record away for good.

    Args:
        name: Of the tool, such as ``notes.delete``.
        table: Where the record is.
        noun: What the record is for people, such as ``note``.
        instead: The tool that puts it aside, such as ``notes.archive``.
    """

    async def handler(given: RecordId, ctx: ToolContext) -> Done:
        await ctx.records(table).delete(given.id)
        return Done()

    return ToolSpec(
        name,
        f"Delete one {noun} for good; nothing brings it back.\n"
        f"Not for one that is only in the way: use {instead} for that. Refused unless the owner "
        "of the space allows such tools.\n"
        f'Example: {{"id": "<id of the {noun}>"}}',
        RecordId,
        Done,
        handler,
        policy_hint="destructive",
        idempotent=True,
        tables=(table,),
    )
