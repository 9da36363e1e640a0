"""Journal: how a day was (sync ``journal/journalEntries``; title and content are encrypted)."""

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
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

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


class EntryFilter(PageInput):
    """Which entries to list."""

    from_date: CalendarDate = Field(
        default_factory=str, description="First day; leave it out for no limit"
    )
    to_date: CalendarDate = Field(
        default_factory=str, description="Last day; leave it out for no limit"
    )
    mood: Mood | None = Field(None, description="Only this mood; null for any")


class EntrySearch(PageInput):
    """Which entries to find."""

    query: str = Field(
        min_length=1, max_length=500, description="Text to look for", examples=["exam"]
    )


class EntryPage(PageOutput):
    """A page of entries."""

    entries: list[Entry]


class EntryChange(ToolInput):
    """What to change of an entry; what is left out stays as it is."""

    id: Uuid = Field(description="The entry's id, from journal.list or journal.search")
    title: str | None = Field(
        default_factory=lambda: None, max_length=500, description="New title; null removes it"
    )
    content: str = Field(
        default_factory=str, min_length=1, max_length=200_000, description="New text, all of it"
    )
    entry_date: CalendarDate = Field(default_factory=str, description="Another day")
    mood: Mood | None = Field(
        default_factory=lambda: None, description="New mood, in German; null removes it"
    )
    tags: list[str] = Field(
        default_factory=list, description="New words to find it by, all of them"
    )


class EntryArchiving(ToolInput):
    """Which entry to put away or bring back."""

    id: Uuid = Field(description="The entry's id, from journal.list or journal.search")
    archived: bool = Field(True, description="false brings an archived entry back")


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


@tool("journal.list", policy_hint="read", tables=(ENTRIES,))
async def list_entries(given: EntryFilter, ctx: ToolContext) -> EntryPage:
    """List journal entries, those written last first, page by page.

    Use it to look back at some days or at one mood. To find an entry by what it says use
    journal.search.

    Example: {"fromDate": "2026-01-05", "toDate": "2026-01-11"}
    """

    def wanted(entry: dict[str, Any]) -> bool:
        day = str(entry.get("entryDate") or "")
        return (
            not entry.get("isArchived")
            and (not given.from_date or day >= given.from_date)
            and (not given.to_date or day <= given.to_date)
            and given.mood in (None, entry.get("mood"))
        )

    page = await ctx.records(ENTRIES).page(limit=given.limit, cursor=given.cursor, where=wanted)
    return EntryPage(entries=[Entry.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("journal.search", policy_hint="read", tables=(ENTRIES,))
async def search(given: EntrySearch, ctx: ToolContext) -> EntryPage:
    """Find journal entries by a text in title, content or tags, those written last first.

    Upper and lower case are the same. One distinctive word finds more than a sentence. To look
    back at certain days use journal.list.

    Example: {"query": "exam"}
    """
    page = await ctx.records(ENTRIES).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda entry: not entry.get("isArchived"),
        matching=containing(given.query, "title", "content", "tags"),
    )
    return EntryPage(entries=[Entry.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("journal.update", policy_hint="write", idempotent=True, tables=(ENTRIES,))
async def update(given: EntryChange, ctx: ToolContext) -> Done:
    """Change the title, text, day, mood or tags of a journal entry.

    Only what is named changes; a text that is given replaces the old one. For another thought
    about the same day add an entry with journal.add.

    Example: {"id": "<id from journal.list>", "mood": "dankbar"}
    """
    changes = changes_of(given)
    if "content" in changes:
        changes["wordCount"] = len(given.content.split())
    await ctx.records(ENTRIES).update(given.id, changes)
    return Done()


@tool("journal.archive", policy_hint="write", idempotent=True, tables=(ENTRIES,))
async def archive(given: EntryArchiving, ctx: ToolContext) -> Done:
    """Put a journal entry out of sight, or bring it back; nothing is lost.

    Not for an entry that is wrong: change that with journal.update.

    Example: {"id": "<id from journal.list>"}
    """
    await ctx.records(ENTRIES).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("journal.get", ENTRIES, OneEntry, noun="journal entry", found_by="journal.search")
delete = delete_tool("journal.delete", ENTRIES, noun="journal entry", instead="journal.archive")

TOOLS = (add, list_entries, search, get, update, archive, delete)
