"""Mood: how somebody feels, several times a day (sync ``mood/moodEntries``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from mana_lab.registry import (
    CalendarDate,
    Done,
    Integer,
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

MOODS = Table("mood", "moodEntries", encrypted=("withWhom", "notes"))

Emotion: TypeAlias = Literal[
    "angry",
    "anxious",
    "bored",
    "calm",
    "content",
    "excited",
    "grateful",
    "happy",
    "hopeful",
    "lonely",
    "loved",
    "overwhelmed",
    "proud",
    "sad",
    "stressed",
    "tired",
]
Activity: TypeAlias = Literal[
    "eating",
    "family",
    "friends",
    "hobby",
    "household",
    "nature",
    "other",
    "rest",
    "sport",
    "study",
    "travel",
    "work",
]
Tags: TypeAlias = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=20)
]
ClockTime: TypeAlias = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", json_schema_extra={"examples": ["18:30"]}),
]


class Mood(ToolOutput):
    """How somebody felt at a moment, in plaintext."""

    id: str
    date: str
    time: str
    level: int
    emotion: Emotion
    secondary_emotions: list[Emotion]
    activity: Activity | None
    with_whom: str | None
    notes: str | None
    tags: list[str]
    is_archived: bool = False
    created_at: str
    updated_at: str


class OneMood(ToolOutput):
    """One entry."""

    entry: Mood


class Moods(ToolOutput):
    """The entries of a day."""

    entries: list[Mood]


class MoodPage(PageOutput):
    """A page of entries."""

    entries: list[Mood]


class NewMood(ToolInput):
    """How somebody feels."""

    level: Integer = Field(ge=1, le=10, description="From 1 (very bad) to 10 (very good)")
    emotion: Emotion = Field(description="The strongest feeling")
    secondary_emotions: list[Emotion] = Field(
        [], max_length=5, description="Up to five other feelings"
    )
    activity: Activity | None = Field(None, description="What they are doing; null for nothing")
    with_whom: str | None = Field(None, max_length=500, description="Who is there; null for nobody")
    notes: str | None = Field(None, max_length=5000, description="What is behind it; null for none")
    tags: Tags = Field([], description="Words to find it by")
    date: CalendarDate = Field(default_factory=str, description="The day; today if left out")
    time: ClockTime = Field(default_factory=str, description="The time of day; now if left out")


class Day(ToolInput):
    """Which day."""

    date: CalendarDate = Field(default_factory=str, description="The day; today if left out")


class RecentMoods(PageInput):
    """Which entries to list."""

    days: Integer = Field(7, ge=1, le=90, description="How many days back, today included")
    include_archived: bool = Field(False, description="Also list archived entries")
    limit: Integer = Field(50, ge=1, le=200, description="At most this many")


class MoodChange(ToolInput):
    """What to change of an entry; what is left out stays as it is."""

    id: Uuid = Field(description="The entry's id, from mood.recent")
    level: Integer = Field(default_factory=int, ge=1, le=10, description="New level")
    emotion: Emotion = Field(default_factory=lambda: "content", description="New feeling")
    activity: Activity | None = Field(
        default_factory=lambda: None, description="New activity; null removes it"
    )
    notes: str | None = Field(
        default_factory=lambda: None, max_length=5000, description="New notes; null removes them"
    )


class MoodArchiving(ToolInput):
    """Which entry to put aside or bring back."""

    id: Uuid = Field(description="The entry's id, from mood.recent")
    archived: bool = Field(True, description="false brings an archived entry back")


@tool("mood.log", policy_hint="write", tables=(MOODS,))
async def log(given: NewMood, ctx: ToolContext) -> OneMood:
    """Note how somebody feels right now: a level, a feeling, perhaps what is behind it.

    A day may have many entries. For the story of a day use journal.add. Returns the entry with
    its id.

    Example: {"level": 6, "emotion": "calm", "activity": "nature", "notes": "Walk by the river"}
    """
    here = ctx.now().astimezone(ctx.principal.zone)
    fields = given.model_dump(by_alias=True) | {
        "date": given.date or here.date().isoformat(),
        "time": given.time or f"{here:%H:%M}",
        "isArchived": False,
    }
    return OneMood(entry=Mood.of(await ctx.records(MOODS).create(fields)))


@tool("mood.today", policy_hint="read", tables=(MOODS,))
async def today(given: Day, ctx: ToolContext) -> Moods:
    """List how somebody felt on one day, in the order of the day; today unless another is named.

    For several days use mood.recent.

    Example: {"date": "2026-01-05"}
    """
    day = given.date or ctx.today().isoformat()
    found = await ctx.records(MOODS).list(
        where=lambda row: row.get("date") == day and not row.get("isArchived")
    )
    found.sort(key=lambda row: str(row.get("time")))
    return Moods(entries=[Mood.of(row) for row in found])


@tool("mood.recent", policy_hint="read", tables=(MOODS,))
async def recent(given: RecentMoods, ctx: ToolContext) -> MoodPage:
    """List how somebody felt in the last days, what was noted last first, page by page.

    Archived entries are left out unless asked for. Use it to see how moods change over time. For
    today alone use mood.today.

    Example: {"days": 14}
    """
    since = (ctx.today() - timedelta(days=given.days - 1)).isoformat()

    def wanted(row: dict[str, Any]) -> bool:
        aside = bool(row.get("isArchived")) and not given.include_archived
        return str(row.get("date")) >= since and not aside

    page = await ctx.records(MOODS).page(limit=given.limit, cursor=given.cursor, where=wanted)
    return MoodPage(entries=[Mood.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("mood.update", policy_hint="write", idempotent=True, tables=(MOODS,))
async def update(given: MoodChange, ctx: ToolContext) -> Done:
    """Change the level, feeling, activity or notes of an entry.

    Only what is named changes. For how it feels now make a new entry with mood.log.

    Example: {"id": "<id from mood.recent>", "level": 4}
    """
    await ctx.records(MOODS).update(given.id, changes_of(given))
    return Done()


@tool("mood.archive", policy_hint="write", idempotent=True, tables=(MOODS,))
async def archive(given: MoodArchiving, ctx: ToolContext) -> Done:
    """Put a mood entry out of sight, or bring it back; nothing is lost.

    Not for an entry that is wrong: change that with mood.update.

    Example: {"id": "<id from mood.recent>"}
    """
    await ctx.records(MOODS).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("mood.get", MOODS, OneMood, noun="mood entry", found_by="mood.recent")
delete = delete_tool("mood.delete", MOODS, noun="mood entry", instead="mood.archive")

TOOLS = (log, today, recent, get, update, archive, delete)
