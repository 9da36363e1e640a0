"""Calendar: events with a beginning and an end (sync ``calendar/events``)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import Field

from mana_lab.clock import iso_millis
from mana_lab.errors import InvalidInputError
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
    UtcTime,
    Uuid,
    tool,
)
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

EVENTS = Table("calendar", "events", encrypted=("title", "description", "location"))


class Event(ToolOutput):
    """An event as the app keeps it, in plaintext."""

    id: str
    title: str
    description: str | None
    location: str | None
    start_time: str
    end_time: str
    is_all_day: bool
    is_cancelled: bool
    created_at: str
    updated_at: str


class OneEvent(ToolOutput):
    """One event."""

    event: Event


class Agenda(ToolOutput):
    """Events in the order in which they begin."""

    events: list[Event]


class EventPage(PageOutput):
    """A page of events."""

    events: list[Event]


class NewEvent(ToolInput):
    """What an event is made of."""

    title: str = Field(
        min_length=1, max_length=500, description="What happens", examples=["Call with Lena"]
    )
    start_time: UtcTime = Field(description="When it begins, in UTC")
    end_time: UtcTime = Field(
        default_factory=str, description="When it ends, in UTC; an hour after the start if left out"
    )
    is_all_day: bool = Field(False, description="Whether it takes the whole day")
    location: str | None = Field(None, max_length=500, description="Where; null for nowhere")
    description: str | None = Field(None, max_length=10_000, description="Details; null for none")


class AgendaDays(ToolInput):
    """Which days to show."""

    from_date: CalendarDate = Field(
        default_factory=str, description="The first day; today if left out"
    )
    days: Integer = Field(7, ge=1, le=60, description="How many days")
    limit: Integer = Field(50, ge=1, le=200, description="At most this many events")


class EventSearch(PageInput):
    """Which events to find."""

    query: str = Field("", max_length=500, description="Text to look for; empty for all events")


class EventChange(ToolInput):
    """What to change of an event; what is left out stays as it is."""

    id: Uuid = Field(description="The event's id, from calendar.agenda")
    title: str = Field(default_factory=str, min_length=1, max_length=500, description="New title")
    start_time: UtcTime = Field(default_factory=str, description="New beginning, in UTC")
    end_time: UtcTime = Field(default_factory=str, description="New end, in UTC")
    location: str | None = Field(
        default_factory=lambda: None, max_length=500, description="New place; null removes it"
    )
    description: str | None = Field(
        default_factory=lambda: None,
        max_length=10_000,
        description="New details; null removes them",
    )


class EventCancelling(ToolInput):
    """Which event to call off or to bring back."""

    id: Uuid = Field(description="The event's id, from calendar.agenda")
    cancelled: bool = Field(True, description="false brings a cancelled event back")


@tool("calendar.create", policy_hint="write", tables=(EVENTS,))
async def create(given: NewEvent, ctx: ToolContext) -> OneEvent:
    """Put an event into the calendar: a meeting, an appointment, a birthday.

    For something to do without a fixed time use todo.create. Times are in UTC. Returns the event
    with its id.

    Example: {"title": "Dentist", "startTime": "2026-01-09T08:30:00Z", "location": "Main street"}
    """
    start = datetime.fromisoformat(given.start_time)
    end = datetime.fromisoformat(given.end_time) if given.end_time else start + timedelta(hours=1)
    _check_order(start, end)
    fields = given.model_dump(by_alias=True) | {
        "startTime": iso_millis(start),
        "endTime": iso_millis(end),
        "isCancelled": False,
    }
    return OneEvent(event=Event.of(await ctx.records(EVENTS).create(fields)))


@tool("calendar.agenda", policy_hint="read", tables=(EVENTS,))
async def agenda(given: AgendaDays, ctx: ToolContext) -> Agenda:
    """List what is planned for the coming days, in the order in which it begins.

    Days begin and end where the user lives. Cancelled events are left out. To find an event by
    its name use calendar.search.

    Example: {"fromDate": "2026-01-05", "days": 7}
    """
    first = date.fromisoformat(given.from_date) if given.from_date else ctx.today()
    begins = datetime.combine(first, time.min, ctx.principal.zone)
    ends = datetime.combine(first + timedelta(days=given.days), time.min, ctx.principal.zone)
    after, before = iso_millis(begins), iso_millis(ends)

    def wanted(row: dict[str, Any]) -> bool:
        starts, stops = str(row.get("startTime")), str(row.get("endTime"))
        return not row.get("isCancelled") and starts < before and (starts >= after or stops > after)

    found = await ctx.records(EVENTS).list(where=wanted)
    found.sort(key=lambda row: (str(row.get("startTime")), row["id"]))
    return Agenda(events=[Event.of(row) for row in found[: given.limit]])


@tool("calendar.search", policy_hint="read", tables=(EVENTS,))
async def search(given: EventSearch, ctx: ToolContext) -> EventPage:
    """Find events by a text in title, place or details, those added last first, page by page.

    Past and cancelled events are found too. To see what comes next use calendar.agenda.

    Example: {"query": "dentist"}
    """
    page = await ctx.records(EVENTS).page(
        limit=given.limit,
        cursor=given.cursor,
        matching=containing(given.query, "title", "location", "description"),
    )
    return EventPage(events=[Event.of(row) for row in page.rows], next_cursor=page.next_cursor)


@tool("calendar.update", policy_hint="write", idempotent=True, tables=(EVENTS,))
async def update(given: EventChange, ctx: ToolContext) -> Done:
    """Move an event, or change its title, place or details.

    Only what is named changes; the end does not move along with the beginning. To call it off use
    calendar.cancel.

    Example: {"id": "<id from calendar.agenda>", "startTime": "2026-01-09T09:30:00Z"}
    """
    changes = changes_of(given)
    for name in ("startTime", "endTime"):
        if name in changes:
            changes[name] = iso_millis(datetime.fromisoformat(changes[name]))
    records = ctx.records(EVENTS)
    event = await records.get(given.id) | changes
    _check_order(
        datetime.fromisoformat(event["startTime"]), datetime.fromisoformat(event["endTime"])
    )
    await records.update(given.id, changes)
    return Done()


@tool("calendar.cancel", policy_hint="write", idempotent=True, tables=(EVENTS,))
async def cancel(given: EventCancelling, ctx: ToolContext) -> Done:
    """Call an event off, or bring it back; it stays in the calendar and can be found.

    To move it to another time use calendar.update.

    Example: {"id": "<id from calendar.agenda>"}
    """
    await ctx.records(EVENTS).update(given.id, {"isCancelled": given.cancelled})
    return Done()


get = get_tool("calendar.get", EVENTS, OneEvent, noun="event", found_by="calendar.agenda")
delete = delete_tool("calendar.delete", EVENTS, noun="event", instead="calendar.cancel")

TOOLS = (create, agenda, search, get, update, cancel, delete)


def _check_order(start: datetime, end: datetime) -> None:
    if end < start:
        raise InvalidInputError(
            f"endTime {iso_millis(end)} is before startTime {iso_millis(start)}; "
            "an event ends after it begins"
        )
