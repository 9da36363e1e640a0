"""Notes: free text to keep (sync ``notes/notes``; title and content are encrypted)."""

from __future__ import annotations

from pydantic import Field

from mana_lab.registry import HexColor, Integer, Table, ToolContext, ToolInput, ToolOutput, tool

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
    wanted = given.query.casefold()
    found = await ctx.records(NOTES).list(
        where=lambda note: given.include_archived or not note.get("isArchived"),
        matching=lambda note: any(
            wanted in str(note.get(name) or "").casefold() for name in ("title", "content")
        ),
        newest_first=True,
        limit=given.limit,
    )
    return Notes(notes=[Note.of(note) for note in found])


TOOLS = (create, search)
