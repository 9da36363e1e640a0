"""Todo: tasks that are done once (sync ``todo/tasks``; what they say is encrypted)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from mana_lab.registry import (
    Done,
    Integer,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    UtcTime,
    Uuid,
    tool,
)

TASKS = Table("todo", "tasks", encrypted=("title", "description", "subtasks", "metadata"))

Priority: TypeAlias = Literal["low", "medium", "high", "urgent"]


class Subtask(ToolOutput):
    """One step of a task."""

    id: str
    title: str
    is_completed: bool
    completed_at: str | None = None
    order: int | float


class Task(ToolOutput):
    """A task as the app keeps it, in plaintext."""

    id: str
    title: str
    description: str | None = None
    priority: Priority
    is_completed: bool
    completed_at: str | None = None
    due_date: str | None = None
    order: int | float
    subtasks: list[Subtask] | None = None
    created_at: str
    updated_at: str


class OneTask(ToolOutput):
    """The task that was made."""

    task: Task


class Tasks(ToolOutput):
    """The tasks that were found."""

    tasks: list[Task]


class NewTask(ToolInput):
    """What a task is made of."""

    title: str = Field(
        min_length=1, max_length=500, description="What to do", examples=["Return library books"]
    )
    description: str = Field(default_factory=str, max_length=10_000, description="Details")
    priority: Priority = Field("medium", description="How important it is")
    due_date: UtcTime | None = Field(
        None, description="When it has to be done, in UTC; null for no date"
    )


class TaskFilter(ToolInput):
    """Which tasks to list."""

    include_completed: bool = Field(False, description="Also list completed tasks")
    limit: Integer = Field(50, ge=1, le=500, description="At most this many")


class TaskId(ToolInput):
    """Which task."""

    id: Uuid = Field(description="The task's id, from todo.list")


@tool("todo.create", policy_hint="write", tables=(TASKS,))
async def create(given: NewTask, ctx: ToolContext) -> OneTask:
    """Add a task, something that is done once, with a priority and perhaps a due date.

    For something regular use habits.create, for a thought without a task notes.create. Returns
    the task with its id.

    Example: {"title": "Call the landlord", "priority": "high", "dueDate": "2026-01-09T16:00:00Z"}
    """
    fields: dict[str, Any] = given.model_dump(by_alias=True)
    if "description" not in given.model_fields_set:
        del fields["description"]
    fields |= {"isCompleted": False, "completedAt": None, "subtasks": None}
    task = await ctx.records(TASKS).create(fields, ordered=True)
    return OneTask(task=Task.of(task))


@tool("todo.list", policy_hint="read", tables=(TASKS,))
async def list_tasks(given: TaskFilter, ctx: ToolContext) -> Tasks:
    """List the tasks of the active space, oldest first, with their ids.

    Open ones only, unless completed ones are asked for. Use it to see what is left to do, and
    before todo.complete, which needs an id.

    Example: {"limit": 10}
    """
    found = await ctx.records(TASKS).list(
        where=lambda task: given.include_completed or not task.get("isCompleted"),
        limit=given.limit,
    )
    return Tasks(tasks=[Task.of(task) for task in found])


@tool("todo.complete", policy_hint="write", tables=(TASKS,))
async def complete(given: TaskId, ctx: ToolContext) -> Done:
    """Mark a task as done; it then no longer stands in todo.list.

    Completing a task that is completed changes nothing. There is no way back with this tool.

    Example: {"id": "<id from todo.list>"}
    """
    changes = {"isCompleted": True, "completedAt": ctx.timestamp()}
    await ctx.records(TASKS).update(
        given.id, changes, unless=lambda task: bool(task.get("isCompleted"))
    )
    return Done()


TOOLS = (create, list_tasks, complete)
