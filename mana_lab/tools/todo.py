"""Todo: tasks that are done once (sync ``todo/tasks``; what they say is encrypted)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from mana_lab.registry import (
    Done,
    Integer,
    PageInput,
    PageOutput,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    UtcTime,
    Uuid,
    tool,
)
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

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


class TaskSearch(PageInput):
    """Which tasks to find."""

    query: str = Field("", max_length=500, description="Text to look for; empty for all tasks")
    include_completed: bool = Field(True, description="Also find completed tasks")


class TaskPage(PageOutput):
    """A page of the tasks that were found."""

    tasks: list[Task]


class TaskChange(ToolInput):
    """What to change of a task; what is left out stays as it is."""

    id: Uuid = Field(description="The task's id, from todo.list")
    title: str = Field(default_factory=str, min_length=1, max_length=500, description="New title")
    description: str = Field(default_factory=str, max_length=10_000, description="New details")
    priority: Priority = Field(default_factory=lambda: "medium", description="New importance")
    due_date: UtcTime | None = Field(
        default_factory=lambda: None, description="New due date, in UTC; null removes it"
    )


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


@tool("todo.complete", policy_hint="write", idempotent=True, tables=(TASKS,))
async def complete(given: TaskId, ctx: ToolContext) -> Done:
    """Mark a task as done; it then no longer stands in todo.list.

    Completing a task that is completed changes nothing, and there is no way back. To change what
    the task says use todo.update.

    Example: {"id": "<id from todo.list>"}
    """
    changes = {"isCompleted": True, "completedAt": ctx.timestamp()}
    await ctx.records(TASKS).update(
        given.id, changes, unless=lambda task: bool(task.get("isCompleted"))
    )
    return Done()


@tool("todo.search", policy_hint="read", tables=(TASKS,))
async def search(given: TaskSearch, ctx: ToolContext) -> TaskPage:
    """Find tasks by a text in title or description, newest first, page by page.

    Upper and lower case are the same, and an empty query gives all. To see what is left to do
    use todo.list.

    Example: {"query": "landlord", "limit": 5}
    """
    page = await ctx.records(TASKS).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda task: given.include_completed or not task.get("isCompleted"),
        matching=containing(given.query, "title", "description"),
    )
    return TaskPage(tasks=[Task.of(task) for task in page.rows], next_cursor=page.next_cursor)


@tool("todo.update", policy_hint="write", idempotent=True, tables=(TASKS,))
async def update(given: TaskChange, ctx: ToolContext) -> Done:
    """Change the title, description, priority or due date of a task.

    Only what is named changes. To mark it as done use todo.complete.

    Example: {"id": "<id from todo.list>", "priority": "urgent", "dueDate": null}
    """
    await ctx.records(TASKS).update(given.id, changes_of(given))
    return Done()


get = get_tool("todo.get", TASKS, OneTask, noun="task", found_by="todo.search")
delete = delete_tool("todo.delete", TASKS, noun="task", instead="todo.complete")

TOOLS = (create, list_tasks, complete, search, update, get, delete)
