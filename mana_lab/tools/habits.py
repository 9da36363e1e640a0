"""Habits: what someone wants to do again and again (sync ``habits/habits``, not encrypted)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field

from mana_lab.registry import (
    CalendarDate,
    Done,
    HexColor,
    Integer,
    PageInput,
    PageOutput,
    PositiveInteger,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    tool,
)
from mana_lab.tools.usual import containing, delete_tool, get_tool

HABITS = Table("habits", "habits")
LOGS = Table("habits", "habitLogs")


class Habit(ToolOutput):
    """A habit as the app keeps it."""

    id: str
    title: str
    icon: str
    color: str
    target_per_day: int | None
    default_duration: int | None
    order: int | float
    is_archived: bool
    created_at: str
    updated_at: str


class OneHabit(ToolOutput):
    """The habit that was made."""

    habit: Habit


class Habits(ToolOutput):
    """The habits that were found."""

    habits: list[Habit]


class NewHabit(ToolInput):
    """What a habit is made of."""

    title: str = Field(
        min_length=1, max_length=120, description="What to do, short", examples=["Read 20 minutes"]
    )
    icon: str = Field("star", min_length=1, max_length=40, description="Name of an icon")
    color: HexColor = Field("#6366f1", description="Color of the tile")
    target_per_day: PositiveInteger | None = Field(
        None, description="How often a day; null for no target"
    )
    default_duration: PositiveInteger | None = Field(
        None, description="Minutes that one time takes; null if it does not matter"
    )


class HabitFilter(ToolInput):
    """Which habits to list."""

    include_archived: bool = Field(False, description="Also list archived habits")


class HabitChange(ToolInput):
    """What to change of a habit; what is left out stays as it is."""

    id: Uuid = Field(description="The habit's id, from habits.list")
    title: str = Field(default_factory=str, min_length=1, max_length=120, description="New title")
    icon: str = Field(default_factory=str, min_length=1, max_length=40, description="New icon")
    color: HexColor = Field(default_factory=str, description="New color")
    target_per_day: PositiveInteger | None = Field(
        default_factory=lambda: None, description="New target per day; null removes it"
    )
    default_duration: PositiveInteger | None = Field(
        default_factory=lambda: None, description="New duration in minutes; null removes it"
    )


class HabitArchiving(ToolInput):
    """Which habit to put away or bring back."""

    id: Uuid = Field(description="The habit's id, from habits.list")
    archived: bool = Field(True, description="false brings an archived habit back")


class HabitSearch(PageInput):
    """Which habits to find."""

    query: str = Field("", max_length=120, description="Text to look for; empty for all habits")
    include_archived: bool = Field(False, description="Also find archived habits")


class HabitPage(PageOutput):
    """A page of habits."""

    habits: list[Habit]


class HabitLog(ToolOutput):
    """One line of the habit diary: how often a habit was done on a day."""

    id: str
    habit_id: str
    date: str
    count: int
    note: str | None
    created_at: str


class OneLog(ToolOutput):
    """The line that was added."""

    log: HabitLog


class NewLog(ToolInput):
    """What was done."""

    habit_id: Uuid = Field(description="The habit's id, from habits.list")
    date: CalendarDate = Field(
        default_factory=str, description="The day it was done; today if left out"
    )
    count: Integer = Field(1, ge=1, le=1000, description="How many times")
    note: str | None = Field(None, max_length=500, description="A remark; null for none")


class LogFilter(PageInput):
    """Which lines to list."""

    days: Integer = Field(7, ge=1, le=366, description="How many days back, today included")
    habit_id: Uuid = Field(default_factory=str, description="Only this habit; leave it out for all")


class LogPage(PageOutput):
    """A page of lines."""

    logs: list[HabitLog]


@tool("habits.create", policy_hint="write", tables=(HABITS,))
async def create(given: NewHabit, ctx: ToolContext) -> OneHabit:
    """Start a new habit, something to do regularly such as daily reading.

    For something that is done once use todo.create. Look at habits.list first if the habit may
    exist already. Returns the habit with its id.

    Example: {"title": "Drink water", "icon": "droplet", "targetPerDay": 8}
    """
    fields = given.model_dump(by_alias=True) | {"isArchived": False}
    habit = await ctx.records(HABITS).create(fields, ordered=True)
    return OneHabit(habit=Habit.of(habit))


@tool("habits.list", policy_hint="read", tables=(HABITS,))
async def list_habits(given: HabitFilter, ctx: ToolContext) -> Habits:
    """List the habits of the active space, oldest first, with their ids.

    Use it before habits.update or habits.archive, which need an id. Archived habits are left out
    unless asked for.

    Example: {"includeArchived": true}
    """
    found = await ctx.records(HABITS).list(
        where=lambda habit: given.include_archived or not habit.get("isArchived")
    )
    return Habits(habits=[Habit.of(habit) for habit in found])


@tool("habits.update", policy_hint="write", idempotent=True, tables=(HABITS,))
async def update(given: HabitChange, ctx: ToolContext) -> Done:
    """Change the title, icon, color, daily target or duration of a habit.

    Only what is named changes. To put a habit away use habits.archive.

    Example: {"id": "<id from habits.list>", "targetPerDay": 2}
    """
    changes = given.model_dump(by_alias=True, exclude_unset=True, exclude={"id"})
    await ctx.records(HABITS).update(given.id, changes)
    return Done()


@tool("habits.archive", policy_hint="write", idempotent=True, tables=(HABITS,))
async def archive(given: HabitArchiving, ctx: ToolContext) -> Done:
    """Put a habit away that is no longer kept up, or bring it back; nothing is lost.

    Not for marking that a habit was done today.

    Example: {"id": "<id from habits.list>"}, or with "archived": false to bring it back.
    """
    await ctx.records(HABITS).update(given.id, {"isArchived": given.archived})
    return Done()


@tool("habits.search", policy_hint="read", tables=(HABITS,))
async def search(given: HabitSearch, ctx: ToolContext) -> HabitPage:
    """Find habits by a text in the title, newest first, page by page.

    Upper and lower case are the same, and an empty query gives all that are kept up. To see them
    in the order in which they were started use habits.list.

    Example: {"query": "run"}
    """
    page = await ctx.records(HABITS).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda habit: given.include_archived or not habit.get("isArchived"),
        matching=containing(given.query, "title"),
    )
    return HabitPage(habits=[Habit.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("habits.log", policy_hint="write", tables=(HABITS, LOGS))
async def log(given: NewLog, ctx: ToolContext) -> OneLog:
    """Note that a habit was done, once or several times, today or on another day.

    Every call adds one more line, so do not call it twice for the same time. To start a new habit
    use habits.create.

    Example: {"habitId": "<id from habits.list>", "count": 2, "note": "before breakfast"}
    """
    await ctx.records(HABITS).get(given.habit_id)
    fields = given.model_dump(by_alias=True) | {"date": given.date or ctx.today().isoformat()}
    return OneLog(log=HabitLog.of(await ctx.records(LOGS).create(fields)))


@tool("habits.recentLogs", policy_hint="read", tables=(LOGS,))
async def recent_logs(given: LogFilter, ctx: ToolContext) -> LogPage:
    """List when habits were done, the latest notes first, page by page.

    Use it to see how regular somebody is. It does not list the habits themselves; that is
    habits.list.

    Example: {"days": 7}
    """
    since = (ctx.today() - timedelta(days=given.days - 1)).isoformat()

    def wanted(row: dict[str, Any]) -> bool:
        return str(row.get("date")) >= since and given.habit_id in ("", row.get("habitId"))

    page = await ctx.records(LOGS).page(limit=given.limit, cursor=given.cursor, where=wanted)
    return LogPage(logs=[HabitLog.of(row) for row in page.rows], next_cursor=page.next_cursor)


get = get_tool("habits.get", HABITS, OneHabit, noun="habit", found_by="habits.list")
delete = delete_tool("habits.delete", HABITS, noun="habit", instead="habits.archive")

TOOLS = (create, list_habits, search, update, archive, log, recent_logs, get, delete)
