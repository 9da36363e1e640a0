"""Goals: what somebody wants to reach, and how far they are (sync ``goals/goals``)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from mana_lab.registry import (
    CalendarDate,
    Done,
    PageInput,
    PageOutput,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    tool,
)
from mana_lab.tools.usual import changes_of, delete_tool, get_tool

GOALS = Table("goals", "goals")

State: TypeAlias = Literal["open", "reached", "archived"]


class Goal(ToolOutput):
    """A goal as the app keeps it."""

    id: str
    title: str
    description: str | None
    target: float
    current: float
    unit: str
    due_date: str | None
    is_reached: bool
    is_archived: bool
    created_at: str
    updated_at: str


class OneGoal(ToolOutput):
    """One goal."""

    goal: Goal


class GoalPage(PageOutput):
    """A page of goals."""

    goals: list[Goal]


class NewGoal(ToolInput):
    """What to reach."""

    title: str = Field(
        min_length=1, max_length=300, description="What to reach", examples=["Write twelve essays"]
    )
    target: float = Field(gt=0, le=1_000_000, description="The number to reach", examples=[12])
    unit: str = Field(
        "times", min_length=1, max_length=40, description="What is counted", examples=["essays"]
    )
    description: str | None = Field(None, max_length=5000, description="Why; null for none")
    due_date: CalendarDate | None = Field(None, description="By when; null for no date")


class Progress(ToolInput):
    """How far it is."""

    id: Uuid = Field(description="The goal's id, from goals.list")
    current: float = Field(
        ge=0,
        le=1_000_000,
        description="The number reached so far, not what was added",
        examples=[3],
    )


class GoalFilter(PageInput):
    """Which goals to list."""

    state: State | None = Field("open", description="Only goals in this state; null for all")


class GoalChange(ToolInput):
    """What to change of a goal; what is left out stays as it is."""

    id: Uuid = Field(description="The goal's id, from goals.list")
    title: str = Field(default_factory=str, min_length=1, max_length=300, description="New title")
    target: float = Field(
        default_factory=float, gt=0, le=1_000_000, description="New number to reach"
    )
    due_date: CalendarDate | None = Field(
        default_factory=lambda: None, description="New date; null removes it"
    )
    description: str | None = Field(
        default_factory=lambda: None, max_length=5000, description="New reason; null removes it"
    )


class GoalArchiving(ToolInput):
    """Which goal to put aside or bring back."""

    id: Uuid = Field(description="The goal's id, from goals.list")
    archived: bool = Field(True, description="false brings an archived goal back")


@tool("goals.set", policy_hint="write", tables=(GOALS,))
async def set_goal(given: NewGoal, ctx: ToolContext) -> OneGoal:
    """Set a goal: something to reach that can be counted, perhaps by a date.

    For something to do every day use habits.create, for one thing to do todo.create. Returns the
    goal with its id.

    Example: {"title": "Write twelve essays", "target": 12, "unit": "essays"}
    """
    fields = given.model_dump(by_alias=True) | {
        "current": 0,
        "isReached": False,
        "isArchived": False,
    }
    return OneGoal(goal=Goal.of(await ctx.records(GOALS).create(fields)))


@tool("goals.progress", policy_hint="write", idempotent=True, tables=(GOALS,))
async def progress(given: Progress, ctx: ToolContext) -> OneGoal:
    """Note how far a goal is: the number reached so far. At the target it counts as reached.

    It takes the whole number, not what was added since the last time; goals.list shows that.
    Returns the goal.

    Example: {"id": "<id from goals.list>", "current": 3}
    """
    records = ctx.records(GOALS)
    goal = await records.get(given.id)
    reached = given.current >= float(goal["target"])
    await records.update(given.id, {"current": given.current, "isReached": reached})
    return OneGoal(goal=Goal.of(await records.get(given.id)))


@tool("goals.list", policy_hint="read", tables=(GOALS,))
async def list_goals(given: GoalFilter, ctx: ToolContext) -> GoalPage:
    """List goals, those set last first, page by page; the open ones unless others are asked for.

    Use it to see how far they are, and before goals.progress, which needs an id.

    Example: {"state": "open"}
    """

    def wanted(row: dict[str, Any]) -> bool:
        if row.get("isArchived"):
            return given.state in (None, "archived")
        return given.state in (None, "reached" if row.get("isReached") else "open")

    page = await ctx.records(GOALS).page(limit=given.limit, cursor=given.cursor, where=wanted)
    return GoalPage(goals=[Goal.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("goals.update", policy_hint="write", idempotent=True, tables=(GOALS,))
async def update(given: GoalChange, ctx: ToolContext) -> Done:
    """Change the title, target, date or reason of a goal.

    Only what is named changes. How far it is goes to goals.progress.

    Example: {"id": "<id from goals.list>", "dueDate": "2026-12-31"}
    """
    changes = changes_of(given)
    records = ctx.records(GOALS)
    if "target" in changes:
        goal = await records.get(given.id)
        changes["isReached"] = float(goal["current"]) >= given.target
    await records.update(given.id, changes)
    return Done()


@tool("goals.archive", policy_hint="write", idempotent=True, tables=(GOALS,))
async def archive(given: GoalArchiving, ctx: ToolContext) -> Done:
    """Put a goal aside that is no longer wanted, or bring it back; nothing is lost.

    A goal that is reached says so by itself; do not archive it for that.

    Example: {"id": "<id from goals.list>"}
    """
    await ctx.records(GOALS).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("goals.get", GOALS, OneGoal, noun="goal", found_by="goals.list")
delete = delete_tool("goals.delete", GOALS, noun="goal", instead="goals.archive")

TOOLS = (set_goal, progress, list_goals, get, update, archive, delete)
