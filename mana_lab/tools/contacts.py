"""Contacts: people and how to reach them (sync ``contacts/contacts``; names are encrypted)."""

from __future__ import annotations

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

CONTACTS = Table(
    "contacts",
    "contacts",
    encrypted=(
        "firstName",
        "lastName",
        "email",
        "phone",
        "mobile",
        "birthday",
        "street",
        "city",
        "postalCode",
        "country",
        "notes",
        "website",
        "linkedin",
        "twitter",
        "instagram",
        "github",
    ),
)

_EMAIL = r"^[^\s@]+@[^\s@]+\.[^\s@]+$"
_PHONE = r"^\+?[0-9][0-9 ()/.-]{2,39}$"


class Contact(ToolOutput):
    """A person as the app keeps them, in plaintext."""

    id: str
    first_name: str
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None
    city: str | None
    birthday: str | None
    notes: str | None
    is_archived: bool
    created_at: str
    updated_at: str


class OneContact(ToolOutput):
    """One person."""

    contact: Contact


class ContactPage(PageOutput):
    """A page of people."""

    contacts: list[Contact]


class NewContact(ToolInput):
    """Who somebody is."""

    first_name: str = Field(
        min_length=1, max_length=200, description="First name", examples=["Mira"]
    )
    last_name: str | None = Field(
        None, max_length=200, description="Last name; null for none", examples=["Okafor"]
    )
    email: str | None = Field(
        None,
        pattern=_EMAIL,
        max_length=254,
        description="E-mail address; null for none",
        examples=["mira@example.org"],
    )
    phone: str | None = Field(
        None, pattern=_PHONE, description="Phone number; null for none", examples=["+49 30 1234567"]
    )
    company: str | None = Field(
        None, max_length=200, description="Where they work; null for none", examples=["Studio Nord"]
    )
    city: str | None = Field(
        None, max_length=200, description="Where they live; null for none", examples=["Leipzig"]
    )
    birthday: CalendarDate | None = Field(None, description="Birthday; null for none")
    notes: str | None = Field(None, max_length=10_000, description="Remarks; null for none")


class ContactSearch(PageInput):
    """Whom to find."""

    query: str = Field(
        "", max_length=200, description="Part of a name, address, company or city; empty for all"
    )
    include_archived: bool = Field(False, description="Also find archived people")


class ContactChange(ToolInput):
    """What to change of a person; what is left out stays as it is."""

    id: Uuid = Field(description="The person's id, from contacts.find")
    first_name: str = Field(
        default_factory=str, min_length=1, max_length=200, description="New first name"
    )
    last_name: str | None = Field(
        default_factory=lambda: None, max_length=200, description="New last name; null removes it"
    )
    email: str | None = Field(
        default_factory=lambda: None,
        pattern=_EMAIL,
        max_length=254,
        description="New e-mail address; null removes it",
        examples=["mira@example.org"],
    )
    phone: str | None = Field(
        default_factory=lambda: None,
        pattern=_PHONE,
        description="New phone number; null removes it",
        examples=["+49 30 1234567"],
    )
    company: str | None = Field(
        default_factory=lambda: None, max_length=200, description="New company; null removes it"
    )
    city: str | None = Field(
        default_factory=lambda: None, max_length=200, description="New city; null removes it"
    )
    notes: str | None = Field(
        default_factory=lambda: None, max_length=10_000, description="New remarks, all of them"
    )


class ContactArchiving(ToolInput):
    """Whom to put aside or bring back."""

    id: Uuid = Field(description="The person's id, from contacts.find")
    archived: bool = Field(True, description="false brings an archived person back")


@tool("contacts.add", policy_hint="write", tables=(CONTACTS,))
async def add(given: NewContact, ctx: ToolContext) -> OneContact:
    """Add a person to the address book: name, and how to reach them.

    Look with contacts.find first if they may be there already. For a meeting with them use
    calendar.create. Returns the person with their id.

    Example: {"firstName": "Mira", "lastName": "Okafor", "email": "mira@example.org"}
    """
    fields = given.model_dump(by_alias=True) | {"isArchived": False}
    return OneContact(contact=Contact.of(await ctx.records(CONTACTS).create(fields)))


@tool("contacts.find", policy_hint="read", tables=(CONTACTS,))
async def find(given: ContactSearch, ctx: ToolContext) -> ContactPage:
    """Find people by a part of their name, address, company or city, those added last first.

    Upper and lower case are the same; an empty query lists everybody. Does not search notes or
    the calendar.

    Example: {"query": "okafor"}
    """
    page = await ctx.records(CONTACTS).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda row: given.include_archived or not row.get("isArchived"),
        matching=containing(given.query, "firstName", "lastName", "email", "company", "city"),
    )
    return ContactPage(
        contacts=[Contact.of(row) for row in page.rows], next_cursor=page.next_cursor
    )


@tool("contacts.update", policy_hint="write", idempotent=True, tables=(CONTACTS,))
async def update(given: ContactChange, ctx: ToolContext) -> Done:
    """Change what is known of a person: name, address, company, city or remarks.

    Only what is named changes; remarks that are given replace the old ones.

    Example: {"id": "<id from contacts.find>", "phone": "+49 30 1234567"}
    """
    await ctx.records(CONTACTS).update(given.id, changes_of(given))
    return Done()


@tool("contacts.archive", policy_hint="write", idempotent=True, tables=(CONTACTS,))
async def archive(given: ContactArchiving, ctx: ToolContext) -> Done:
    """Put a person aside whom one no longer deals with, or bring them back; nothing is lost.

    Not for a person whose data are wrong: change them with contacts.update.

    Example: {"id": "<id from contacts.find>"}
    """
    await ctx.records(CONTACTS).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("contacts.get", CONTACTS, OneContact, noun="contact", found_by="contacts.find")
delete = delete_tool("contacts.delete", CONTACTS, noun="contact", instead="contacts.archive")

TOOLS = (add, find, get, update, archive, delete)
