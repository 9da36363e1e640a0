"""Dreams: what somebody dreamt (sync ``dreams/dreams``; the dream itself is encrypted)."""

from __future__ import annotations

from typing import Literal, TypeAlias

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

DREAMS = Table(
    "dreams",
    "dreams",
    encrypted=("title", "content", "transcript", "interpretation", "aiInterpretation", "location"),
)

Feeling: TypeAlias = Literal["joyful", "calm", "strange", "sad", "frightening", "neutral"]


class Dream(ToolOutput):
    """A dream as the app keeps it, in plaintext."""

    id: str
    title: str
    content: str
    interpretation: str | None
    location: str | None
    feeling: Feeling
    is_lucid: bool
    dream_date: str
    tags: list[str]
    is_archived: bool
    created_at: str
    updated_at: str


class OneDream(ToolOutput):
    """One dream."""

    dream: Dream


class DreamPage(PageOutput):
    """A page of dreams."""

    dreams: list[Dream]


class NewDream(ToolInput):
    """What was dreamt."""

    title: str = Field(
        min_length=1, max_length=500, description="A name for it", examples=["The flooded library"]
    )
    content: str = Field(
        min_length=1,
        max_length=50_000,
        description="What happened in it",
        examples=["Books floated past, and every page was a photograph of our kitchen."],
    )
    feeling: Feeling = Field("neutral", description="How it felt")
    is_lucid: bool = Field(False, description="Whether the dreamer knew that it was a dream")
    location: str | None = Field(None, max_length=500, description="Where it was; null for nowhere")
    interpretation: str | None = Field(
        None, max_length=10_000, description="What it may mean; null for nothing"
    )
    dream_date: CalendarDate = Field(
        default_factory=str, description="The morning after; today if left out"
    )
    tags: list[str] = Field([], max_length=20, description="Words to find it by")


class DreamSearch(PageInput):
    """Which dreams to find."""

    query: str = Field("", max_length=500, description="Text to look for; empty for all dreams")
    feeling: Feeling | None = Field(None, description="Only this feeling; null for any")


class DreamChange(ToolInput):
    """What to change of a dream; what is left out stays as it is."""

    id: Uuid = Field(description="The dream's id, from dreams.search")
    title: str = Field(default_factory=str, min_length=1, max_length=500, description="New name")
    content: str = Field(
        default_factory=str, min_length=1, max_length=50_000, description="New text, all of it"
    )
    feeling: Feeling = Field(default_factory=lambda: "neutral", description="Another feeling")
    interpretation: str | None = Field(
        default_factory=lambda: None, max_length=10_000, description="New meaning; null removes it"
    )


class DreamArchiving(ToolInput):
    """Which dream to put away or bring back."""

    id: Uuid = Field(description="The dream's id, from dreams.search")
    archived: bool = Field(True, description="false brings an archived dream back")


@tool("dreams.record", policy_hint="write", tables=(DREAMS,))
async def record(given: NewDream, ctx: ToolContext) -> OneDream:
    """Write a dream down: what happened in it, how it felt, perhaps what it may mean.

    For how the waking day was use journal.add. Returns the dream with its id.

    Example: {"title": "The flooded library", "content": "Books floated past.", "feeling": "calm"}
    """
    fields = given.model_dump(by_alias=True) | {
        "dreamDate": given.dream_date or ctx.today().isoformat(),
        "isArchived": False,
    }
    return OneDream(dream=Dream.of(await ctx.records(DREAMS).create(fields)))


@tool("dreams.search", policy_hint="read", tables=(DREAMS,))
async def search(given: DreamSearch, ctx: ToolContext) -> DreamPage:
    """Find dreams by a text in name, content, meaning or tags, those written last first.

    An empty query lists all, page by page. It does not search the journal; that is
    journal.search.

    Example: {"query": "water", "limit": 5}
    """
    page = await ctx.records(DREAMS).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda row: not row.get("isArchived") and given.feeling in (None, row.get("feeling")),
        matching=containing(given.query, "title", "content", "interpretation", "tags"),
    )
    return DreamPage(dreams=[Dream.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("dreams.update", policy_hint="write", idempotent=True, tables=(DREAMS,))
async def update(given: DreamChange, ctx: ToolContext) -> Done:
    """Change the name, text, feeling or meaning of a dream.

    Only what is named changes; a text that is given replaces the old one. For another dream of
    the same night use dreams.record.

    Example: {"id": "<id from dreams.search>", "interpretation": "Too much at once."}
    """
    await ctx.records(DREAMS).update(given.id, changes_of(given))
    return Done()


@tool("dreams.archive", policy_hint="write", idempotent=True, tables=(DREAMS,))
async def archive(given: DreamArchiving, ctx: ToolContext) -> Done:
    """Put a dream out of sight, or bring it back; nothing is lost.

    Not for a dream whose text is wrong: change it with dreams.update.

    Example: {"id": "<id from dreams.search>"}
    """
    await ctx.records(DREAMS).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("dreams.get", DREAMS, OneDream, noun="dream", found_by="dreams.search")
delete = delete_tool("dreams.delete", DREAMS, noun="dream", instead="dreams.archive")

TOOLS = (record, search, get, update, archive, delete)
