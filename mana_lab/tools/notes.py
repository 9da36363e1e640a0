"""Notes: free text to keep (sync ``notes/notes``; title and content are encrypted)."""

from __future__ import annotations

from pydantic import Field

from mana_lab.registry import (
    Done,
    HexColor,
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
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

NOTES = Table("notes", "notes", encrypted=("title", "content"))


class Note(ToolOutput):
    """A note as the app keeps it, in plaintext."""

    id: str
    title: str
    content: str
    color: str | None = None
    is_pinned: bool
    is_archived: bool
    created_at: str
    updated_at: str


class OneNote(ToolOutput):
    """The note that was made."""

    note: Note


class Notes(ToolOutput):
    """The notes that were found."""

    notes: list[Note]


class NewNote(ToolInput):
    """What a note is made of."""

    title: str = Field(
        min_length=1, max_length=500, description="Title", examples=["Ideas for the garden"]
    )
    content: str = Field("", max_length=200_000, description="The text; may be Markdown")
    color: HexColor | None = Field(None, description="Color of the note; null for none")
    is_pinned: bool = Field(False, description="Whether it stays at the top in the app")


class NoteSearch(ToolInput):
    """Which notes to find."""

    query: str = Field(
        "", max_length=500, description="Text in the title or content; empty for all notes"
    )
    include_archived: bool = Field(False, description="Also search archived notes")
    limit: Integer = Field(20, ge=1, le=100, description="At most this many")


class NoteFilter(PageInput):
    """Which notes to list."""

    include_archived: bool = Field(False, description="Also list archived notes")


class NotePage(PageOutput):
    """A page of notes."""

    notes: list[Note]


class NoteChange(ToolInput):
    """What to change of a note; what is left out stays as it is."""

    id: Uuid = Field(description="The note's id, from notes.search or notes.list")
    title: str = Field(default_factory=str, min_length=1, max_length=500, description="New title")
    content: str = Field(default_factory=str, max_length=200_000, description="New text, all of it")
    color: HexColor | None = Field(
        default_factory=lambda: None, description="New color; null removes it"
    )
    is_pinned: bool = Field(default_factory=bool, description="Whether it stays at the top")


class NoteArchiving(ToolInput):
    """Which note to put aside or bring back."""

    id: Uuid = Field(description="The note's id, from notes.search or notes.list")
    archived: bool = Field(True, description="false brings an archived note back")


@tool("notes.create", policy_hint="write", tables=(NOTES,))
async def create(given: NewNote, ctx: ToolContext) -> OneNote:
    """Keep a text under a title: an idea, minutes of a meeting, a list, a draft.

    For what has to be done use todo.create, for how the day was journal.add. Returns the note
    with its id.

    Example: {"title": "Meeting with Lena", "content": "Budget agreed. Next call on Friday."}
    """
    fields = given.model_dump(by_alias=True) | {"isArchived": False}
    return OneNote(note=Note.of(await ctx.records(NOTES).create(fields)))


@tool("notes.search", policy_hint="read", tables=(NOTES,))
async def search(given: NoteSearch, ctx: ToolContext) -> Notes:
    """Find notes of the active space by a text in title or content, newest first.

    Upper and lower case are the same. It looks for the text as it stands, not for its meaning, so
    one distinctive word finds more than a sentence. An empty query gives the newest notes. Does
    not search tasks or the journal.

    Example: {"query": "budget", "limit": 5}
    """
    found = await ctx.records(NOTES).list(
        where=lambda note: given.include_archived or not note.get("isArchived"),
        matching=containing(given.query, "title", "content"),
        newest_first=True,
        limit=given.limit,
    )
    return Notes(notes=[Note.of(note) for note in found])


@tool("notes.list", policy_hint="read", tables=(NOTES,))
async def list_notes(given: NoteFilter, ctx: ToolContext) -> NotePage:
    """List the notes of the active space, newest first, page by page.

    Archived notes are left out unless asked for. To find a note by what it says use notes.search.

    Example: {"limit": 10}
    """
    page = await ctx.records(NOTES).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda note: given.include_archived or not note.get("isArchived"),
    )
    return NotePage(notes=[Note.of(note) for note in page.rows], next_cursor=page.next_cursor)


@tool("notes.update", policy_hint="write", idempotent=True, tables=(NOTES,))
async def update(given: NoteChange, ctx: ToolContext) -> Done:
    """Change the title, text or color of a note, or pin it.

    Only what is named changes; a text that is given replaces the old one, so read the note with
    notes.get first to add to it. To put it aside use notes.archive.

    Example: {"id": "<id from notes.search>", "content": "Budget agreed. Lena asks for a quote."}
    """
    await ctx.records(NOTES).update(given.id, changes_of(given))
    return Done()


@tool("notes.archive", policy_hint="write", idempotent=True, tables=(NOTES,))
async def archive(given: NoteArchiving, ctx: ToolContext) -> Done:
    """Put a note aside that is no longer needed, or bring it back; nothing is lost.

    Not for a note that is wrong: change that with notes.update.

    Example: {"id": "<id from notes.search>"}
    """
    await ctx.records(NOTES).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("notes.get", NOTES, OneNote, noun="note", found_by="notes.search")
delete = delete_tool("notes.delete", NOTES, noun="note", instead="notes.archive")

TOOLS = (create, search, list_notes, get, update, archive, delete)
