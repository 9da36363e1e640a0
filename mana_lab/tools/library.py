"""Library: books, films and the like, and what one thought of them (sync ``library``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from mana_lab.registry import (
    Done,
    Integer,
    PageInput,
    PageOutput,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    integral,
    tool,
)
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

ENTRIES = Table(
    "library",
    "libraryEntries",
    encrypted=("title", "originalTitle", "creators", "review", "tags"),
)

Year: TypeAlias = Annotated[int, Field(ge=-3000, le=2200), BeforeValidator(integral)]
Kind: TypeAlias = Literal["book", "film", "series", "game", "music", "other"]
Status: TypeAlias = Literal["planned", "started", "finished", "dropped"]


class LibraryEntry(ToolOutput):
    """A book, film or the like as the app keeps it, in plaintext."""

    id: str
    kind: Kind
    title: str
    creators: list[str]
    year: int | None
    status: Status
    rating: int | None
    review: str | None
    tags: list[str]
    is_archived: bool
    created_at: str
    updated_at: str


class OneLibraryEntry(ToolOutput):
    """One book, film or the like."""

    entry: LibraryEntry


class LibraryPage(PageOutput):
    """A page of books, films and the like."""

    entries: list[LibraryEntry]


class NewLibraryEntry(ToolInput):
    """What to add."""

    title: str = Field(
        min_length=1,
        max_length=500,
        description="Its title",
        examples=["The Left Hand of Darkness"],
    )
    kind: Kind = Field("book", description="What it is")
    creators: list[str] = Field(
        [], max_length=20, description="Who made it", examples=[["Ursula K. Le Guin"]]
    )
    year: Year | None = Field(None, description="When it came out; null if unknown")
    status: Status = Field("planned", description="How far one is")
    tags: list[str] = Field([], max_length=20, description="Words to find it by")


class Rating(ToolInput):
    """What one thought of it."""

    id: Uuid = Field(description="The entry's id, from library.list")
    rating: Integer = Field(ge=1, le=5, description="From 1 (poor) to 5 (excellent)")
    review: str | None = Field(
        default_factory=lambda: None, max_length=10_000, description="Why; null removes the review"
    )


class LibraryFilter(PageInput):
    """What to list."""

    query: str = Field(
        "", max_length=500, description="Text in title, creators or tags; empty for all"
    )
    kind: Kind | None = Field(None, description="Only this kind; null for any")
    status: Status | None = Field(None, description="Only this status; null for any")


class LibraryChange(ToolInput):
    """What to change; what is left out stays as it is."""

    id: Uuid = Field(description="The entry's id, from library.list")
    status: Status = Field(default_factory=lambda: "started", description="How far one is now")
    title: str = Field(default_factory=str, min_length=1, max_length=500, description="New title")
    creators: list[str] = Field(
        default_factory=list, max_length=20, description="Who made it, all of them"
    )
    tags: list[str] = Field(
        default_factory=list, max_length=20, description="New tags, all of them"
    )


class LibraryArchiving(ToolInput):
    """What to put aside or bring back."""

    id: Uuid = Field(description="The entry's id, from library.list")
    archived: bool = Field(True, description="false brings an archived entry back")


@tool("library.add", policy_hint="write", tables=(ENTRIES,))
async def add(given: NewLibraryEntry, ctx: ToolContext) -> OneLibraryEntry:
    """Add a book, film, series, game or record that one wants to know, or knows already.

    For an article on the web use articles.save. Returns the entry with its id.

    Example: {"title": "The Left Hand of Darkness", "creators": ["Ursula K. Le Guin"]}
    """
    fields = given.model_dump(by_alias=True) | {
        "rating": None,
        "review": None,
        "isArchived": False,
    }
    return OneLibraryEntry(entry=LibraryEntry.of(await ctx.records(ENTRIES).create(fields)))


@tool("library.rate", policy_hint="write", idempotent=True, tables=(ENTRIES,))
async def rate(given: Rating, ctx: ToolContext) -> Done:
    """Say what one thought of a book, film or the like: one to five, perhaps with a review.

    Rating it again replaces the rating; a review that is left out stays. To note how far one is
    use library.update.

    Example: {"id": "<id from library.list>", "rating": 5, "review": "Quiet and strange."}
    """
    await ctx.records(ENTRIES).update(given.id, changes_of(given))
    return Done()


@tool("library.list", policy_hint="read", tables=(ENTRIES,))
async def list_entries(given: LibraryFilter, ctx: ToolContext) -> LibraryPage:
    """List books, films and the like, those added last first, perhaps only of one kind or status.

    Use it to choose what to read next, or to find an entry before library.rate. Articles are
    listed by articles.list.

    Example: {"kind": "book", "status": "planned"}
    """

    def wanted(row: dict[str, Any]) -> bool:
        return (
            not row.get("isArchived")
            and given.kind in (None, row.get("kind"))
            and given.status in (None, row.get("status"))
        )

    page = await ctx.records(ENTRIES).page(
        limit=given.limit,
        cursor=given.cursor,
        where=wanted,
        matching=containing(given.query, "title", "creators", "tags"),
    )
    return LibraryPage(
        entries=[LibraryEntry.of(row) for row in page.rows], next_cursor=page.next_cursor
    )


@tool("library.update", policy_hint="write", idempotent=True, tables=(ENTRIES,))
async def update(given: LibraryChange, ctx: ToolContext) -> Done:
    """Note how far one is with a book or film, or correct its title, creators or tags.

    Only what is named changes. What one thought of it goes to library.rate.

    Example: {"id": "<id from library.list>", "status": "finished"}
    """
    await ctx.records(ENTRIES).update(given.id, changes_of(given))
    return Done()


@tool("library.archive", policy_hint="write", idempotent=True, tables=(ENTRIES,))
async def archive(given: LibraryArchiving, ctx: ToolContext) -> Done:
    """Put an entry out of the lists, or bring it back; nothing is lost.

    Not for something one has given up on: that is the status "dropped" in library.update.

    Example: {"id": "<id from library.list>"}
    """
    await ctx.records(ENTRIES).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool(
    "library.get", ENTRIES, OneLibraryEntry, noun="library entry", found_by="library.list"
)
delete = delete_tool("library.delete", ENTRIES, noun="library entry", instead="library.archive")

TOOLS = (add, rate, list_entries, get, update, archive, delete)
