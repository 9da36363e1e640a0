"""Journal: how a day was (sync ``journal/journalEntries``; title and content are encrypted)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from mana_lab.registry import CalendarDate, Table, ToolContext, ToolInput, ToolOutput, tool

ENTRIES = Table("journal", "journalEntries", encrypted=("title", "content"))

Mood: TypeAlias = Literal[
    "dankbar",
    "glücklich",
    "zufrieden",
    "neutral",
    "nachdenklich",
    "traurig",
    "gestresst",
    "wütend",
]


class Entry(ToolOutput):
    """A journal entry as the app keeps it, in plaintext."""

    id: str
    title: str | None
    content: str
    entry_date: str
    mood: Mood | None
    tags: list[str]
    word_count: int
    is_pinned: bool
    is_favorite: bool
    is_archived: bool
    created_at: str
    updated_at: str


class OneEntry(ToolOutput):
    """The entry that was made."""

    entry: Entry


class NewEntry(ToolInput):
    """What a journal entry is made of."""

    title: str | None = Field(None, max_length=500, description="Title; null for none")
    content: str = Field(
        min_length=1,
        max_length=200_000,
        description="The text of the entry",
        examples=["A quiet day, I finished the chapter."],
    )
    entry_date: CalendarDate = Field(
        default_factory=str, description="The day it is about; today if left out"
    )
    mood: Mood | None = Field(None, description="The mood of the day, in German; null for none")
    tags: list[str] = Field([], description="Words to find it by")


@tool("journal.add", policy_hint="write", tables=(ENTRIES,))
async def add(given: NewEntry, ctx: ToolContext) -> OneEntry:
    """Write a journal entry about a day: what happened, how it felt, which mood.

    For facts to look up later use notes.create, for what has to be done todo.create. A day may
    have several entries. Returns the entry with its id.

    Example: {"content": "Tired, but the exam went well.", "mood": "zufrieden", "tags": ["uni"]}
    """
    fields = given.model_dump(by_alias=True) | {
        "entryDate": given.entry_date or ctx.today().isoformat(),
        "wordCount": len(given.content.split()),
        "isPinned": False,
        "isFavorite": False,
        "isArchived": False,
    }
    return OneEntry(entry=Entry.of(await ctx.records(ENTRIES).create(fields)))


TOOLS = (add,)
