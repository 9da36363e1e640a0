"""Server-sent events: changes as they are committed, for as long as a client listens.

An event has a stretch of the log that belongs to one collection, in the order of the commits; its
``syncedUntil`` is a cursor, from which a client that was cut off goes on without a gap.
See https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from fastapi.sse import format_sse_event

from mana_lab.errors import ManaLabError
from mana_lab.sync.server.cursor import Since, encode_cursor
from mana_lab.sync.server.log import ChangeLog, Entry, LogPage
from mana_lab.sync.server.notices import Notices
from mana_lab.sync.server.reader import Reader
from mana_lab.sync.server.rendering import event_text

_MOST = 1000
_HEARTBEAT = format_sse_event(event="heartbeat", data_str="{}")


async def changes_as_events(
    reader: Reader,
    log: ChangeLog,
    notices: Notices,
    *,
    app_id: str,
    tables: Sequence[str],
    since: Since,
    heartbeat_s: float,
) -> AsyncIterator[bytes]:
    """Yield the changes after *since*, and those that come, without end.

    What the reader may see is found out before every look. When they may see nothing any more, an
    event ``error`` says why, and it ends.

    Args:
        reader: Who listens.
        log: Where the changes are.
        notices: Tells when to look.
        app_id: The app.
        tables: The collections; all when there are none.
        since: Where to start.
        heartbeat_s: After so many seconds without a change an event ``heartbeat`` is sent.
    """
    try:
        user_id = (await reader.claims()).sub
        with notices.listening(user_id) as listener:
            while True:
                page = None
                while page is None or page.has_more:
                    listener.spaces = await reader.spaces()
                    page = await log.page(user_id, app_id, listener.spaces, since, _MOST, tables)
                    since = Since(page.seq)
                    for event in _events(page):
                        yield event
                if not await listener.wait(heartbeat_s):
                    yield _HEARTBEAT
    except ManaLabError as error:
        told = {"error": error.code, "message": error.message, "status": error.status}
        yield format_sse_event(event="error", data_str=json.dumps(told))


def _events(page: LogPage) -> Iterator[bytes]:
    runs: list[tuple[str, list[Entry]]] = [
        (table, list(run)) for table, run in groupby(page.changes, attrgetter("table"))
    ]
    for place, (table, run) in enumerate(runs, start=1):
        cursor = encode_cursor(run[-1].seq)
        text = event_text(
            table,
            [change.text for change in run],
            cursor,
            has_more=page.has_more or place < len(runs),
        )
        yield format_sse_event(event="changes", data_str=text, id=cursor)
