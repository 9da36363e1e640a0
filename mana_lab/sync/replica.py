"""A replica: one collection of one space as one user sees it, kept up to date by pulling.

The log holds events, not records: a replica reads the whole of it once, and folds what is new.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from mana_lab.errors import ProtocolError
from mana_lab.sync.client import PushResult, SyncClient
from mana_lab.sync.heights import Heights
from mana_lab.sync.merge import Record, fold
from mana_lab.sync.stamps import NEVER, canonical_stamp, instant_of, stamp_after
from mana_lab.sync.wire import Change


class Replica:
    """The records of one (app, collection, space) for one user.

    Not thread-safe: it belongs to one event loop. The records it hands out are its own: read them,
    and change them by pushing. It shows what the user could read when it was last refreshed.

    Args:
        client: How to reach the service.
        app_id: The app, such as ``todo``.
        collection: The table, such as ``tasks``.
        space_id: The space; what was written in another one is not seen.
    """

    def __init__(self, client: SyncClient, app_id: str, collection: str, space_id: str) -> None:
        self._client = client
        self._app_id = app_id
        self._collection = collection
        self._space_id = space_id
        self._pulling = asyncio.Lock()
        self._cursor = ""
        self._records: dict[str, Record] = {}
        self._order: list[tuple[int, str]] = []
        self._places: dict[str, tuple[int, str]] = {}
        self._heights: dict[str, Heights] = {}
        self._arrived = 0
        self._latest = NEVER

    async def refresh(self, token: str) -> None:
        """Pull and fold everything that the log has beyond what is known here.

        Raises:
            NotAMemberError: The user is not, or no longer, a member of the space.
            UnauthenticatedError: The token is not valid, or not any more.
            ServiceUnavailableError: The service did not answer; what came before that stays.
        """
        async with self._pulling:
            has_more = True
            while has_more:
                page = await self._client.pull(
                    token, self._app_id, self._collection, self._cursor, self._space_id
                )
                if page.has_more and page.cursor == self._cursor:
                    raise ProtocolError("the sync service has more changes but does not move on")
                self._take(page.changes)
                self._cursor = page.cursor
                has_more = page.has_more

    async def push(
        self, token: str, changes: Sequence[Change], *, reading: str | None = None
    ) -> None:
        """Store *changes* in this collection and space, and see them with all that came before.

        The answer to a push tells both, so that no pull is needed after it; one is made where the
        answer does not go so far.

        Args:
            token: The author's access token.
            changes: At most 1,000.
            reading: The token to pull with; by default the same.

        Raises:
            InvalidInputError: The service does not take one of the changes; nothing was stored.
            NotAMemberError: The user is not, or no longer, a member of the space.
            UnauthenticatedError: The token is not valid, or not any more.
            ServiceUnavailableError: The service did not answer. The changes may or may not be
                stored; with event ids they can be pushed again.
        """
        if changes:
            here = {"space_id": self._space_id, "table": self._collection}
            sent = [change.model_copy(update=here) for change in changes]
            since = self._cursor
            answer = await self._client.push(token, self._app_id, sent, since=since or None)
            if since and await self._is_told(answer, sent, since):
                return
        await self.refresh(reading or token)

    async def _is_told(self, answer: PushResult, sent: Sequence[Change], since: str) -> bool:
        """Fold the answer to a push; return whether it told all that there is.

        The original service leaves out what the client that asks has written.
        """
        async with self._pulling:
            changes = [change for change in answer.changes if change.table == self._collection]
            own = [change for change in changes if change.client_id == self._client.client_id]
            told = {(change.id, change.op) for change in own}
            if self._cursor != since or not told.issuperset((each.id, each.op) for each in sent):
                return False
            self._take(changes)
            self._cursor = answer.cursor
            return not answer.has_more

    def current(self) -> list[Record]:
        """Return the records that exist, in the order in which they were first inserted."""
        return [self._records[record_id] for _, record_id in self._order]

    def oldest(self) -> Iterator[Record]:
        """Go through the records that exist, those inserted first first."""
        for _, record_id in self._order[:]:
            yield self._records[record_id]

    def newest(self, before: int | None = None) -> Iterator[Record]:
        """Go through the records that exist, those inserted last first.

        Args:
            before: Only those whose ``seq`` is below this; all when None.
        """
        end = len(self._order) if before is None else bisect_left(self._order, (before, ""))
        for place in range(end - 1, -1, -1):
            yield self._records[self._order[place][1]]

    def highest(self, name: str) -> float | None:
        """Return the highest number that a record has in the field *name*; None without any.

        Records whose data name another space do not count.
        """
        if name not in self._heights:
            self._heights[name] = Heights()
            for record in self.current():
                self._measure(record)
        return self._heights[name].highest

    def get(self, record_id: str) -> Record | None:
        """Return all that is known of a record, also if it is deleted or was never inserted."""
        return self._records.get(record_id)

    def __len__(self) -> int:
        return len(self._order)

    def __repr__(self) -> str:
        return f"<Replica of {self._app_id}/{self._collection}: {len(self)} records>"

    def stamp(self, now: datetime) -> str:
        """Return a stamp for a write: *now*, or just after the latest stamp known here.

        It is later than every stamp this replica has seen or made, so a write made after seeing a
        value wins over it, also when the clock stands still or has gone back. Refresh first.

        Args:
            now: The lab's time; aware.
        """
        self._latest = stamp_after(self._latest, now.astimezone(UTC))
        return canonical_stamp(self._latest)

    def _take(self, changes: Iterable[Change]) -> None:
        mine = [self._numbered(change) for change in changes if change.space_id == self._space_id]
        for record_id in fold(mine, self._records):
            record = self._records[record_id]
            self._place(record)
            self._measure(record)
            newest = max((instant_of(stamp) for stamp in record.stamps.values()), default=NEVER)
            self._latest = max(self._latest, newest)

    def _measure(self, record: Record) -> None:
        counts = record.current and record.fields.get("spaceId") in (None, self._space_id)
        for name, heights in self._heights.items():
            heights.set(record.id, record.fields.get(name) if counts else None)

    def _numbered(self, change: Change) -> Change:
        # The original service does not number its changes; there, arrival is the log's order.
        self._arrived = max(self._arrived + 1, change.seq)
        return change if change.seq else change.model_copy(update={"seq": self._arrived})

    def _place(self, record: Record) -> None:
        place = (record.seq, record.id) if record.current else None
        known = self._places.get(record.id)
        if place == known:
            return
        if known is not None:
            del self._order[bisect_left(self._order, known)]
            del self._places[record.id]
        if place is not None:
            insort(self._order, place)
            self._places[record.id] = place
