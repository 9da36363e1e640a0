"""Three devices with clocks of their own, on lines that fail, and the service that they share."""

import asyncio
import json
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from store_house import SqliteHome
from sync_house import BASE, CLUB, FLAT, House, Members, make_app
from sync_oracle import known, settled, writes_of

from mana_lab.clock import ManualClock
from mana_lab.crypto import SigningKey
from mana_lab.errors import FutureStampError, ServiceUnavailableError
from mana_lab.storage import Store
from mana_lab.sync import Replica, SyncClient
from mana_lab.sync.server import METADATA

PAGE = 3
OWNERS = (("anna", "phone"), ("ben", "laptop"), ("anna", "phone"))
"""Who each device is; the third is a copy of the first, client id and all."""

_KEY = SigningKey.generate()


class Line(httpx.AsyncBaseTransport):
    """The way from a device to the service.

    Attributes:
        is_cut: Nothing gets through.
        lost_answer: Of the requests to come, whose answer is lost; 0 for the next one.
        is_doubling: Every request arrives twice.
        stored: The events of every push that the service has taken, whoever heard of it.
        bodies: Every push that the service has taken.
    """

    def __init__(self, app, stored):
        self._way = httpx.ASGITransport(app)
        self.stored = stored
        self.bodies = []
        self.mend()

    def mend(self):
        self.is_cut = self.is_doubling = False
        self.lost_answer = None

    async def handle_async_request(self, request):
        if self.is_cut:
            raise httpx.ConnectError("no way there", request=request)
        times = 2 if self.is_doubling else 1
        answer, *_ = await asyncio.gather(*(self._deliver(request) for _ in range(times)))
        if self.lost_answer is None:
            return answer
        self.lost_answer -= 1
        if self.lost_answer >= 0:
            return answer
        self.lost_answer = None
        raise httpx.ReadError("connection reset", request=request)

    async def _deliver(self, request):
        answer = await self._way.handle_async_request(request)
        if request.method == "POST" and answer.status_code == 200:
            self.bodies.append(request.content)
            self.stored |= {change["eventId"] for change in json.loads(request.content)["changes"]}
        return answer


class ShortPages(SyncClient):
    """Reads a few changes at a time."""

    async def pull(self, token, app_id, collection, since, space_id=None, limit=PAGE):
        return await super().pull(token, app_id, collection, since, space_id, limit)


class Device:
    """A replica, and what its user wrote.

    Attributes:
        ahead: How much its clock is ahead of the service's.
        written: What was written and not acknowledged, oldest first.
        acknowledged: The events that were.
    """

    def __init__(self, house, user, client_id, line, http):
        self.house = house
        self.user = user
        self.client_id = client_id
        self.line = line
        self.ahead = timedelta()
        self.written = []
        self.acknowledged = set()
        self._client = ShortPages(BASE, http, client_id)
        self.log_in()

    def log_in(self):
        """Start with empty state."""
        self.replica = Replica(self._client, "todo", "tasks", FLAT)

    def write(self, make):
        """Write offline what *make* returns for a stamp."""
        change = make(self.replica.stamp(self.house.clock.now() + self.ahead))
        seen = self.replica.get(change.id)
        before = [] if seen is None else seen.stamps.values()
        assert all(stamp > other for _, _, stamp in writes_of(change) for other in before), "P7"
        self.written.append(change)
        return change

    async def send(self, count=None):
        """Push what was written, or the oldest of it; whether the service acknowledged it."""
        sent = self.written[:count]
        try:
            await self.replica.push(self.house.token(self.user), sent)
        except ServiceUnavailableError:
            return False
        del self.written[: len(sent)]
        self.acknowledged |= {change.event_id for change in sent}
        return True

    async def refresh(self):
        """Pull; whether all came."""
        try:
            await self.replica.refresh(self.house.token(self.user))
        except ServiceUnavailableError:
            return False
        return True

    def shown(self):
        """Return what the user sees."""
        return [
            (record.id, _text(record.fields), record.stamps, record.seq)
            for record in self.replica.current()
        ]


class Fleet:
    """The devices and their service.

    Attributes:
        all: Every write ever made, by its event.
        stored: The events of those that the service has taken.
    """

    def __init__(self):
        self.all = {}
        self.stored = set()
        self._stack = AsyncExitStack()

    async def open(self):
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        home, clock = SqliteHome(Path(folder)), ManualClock()
        members = Members(anna=[FLAT], ben=[FLAT, CLUB], cleo=[CLUB])
        store = await Store.open(home.url("sync"), METADATA)
        await self._stack.enter_async_context(store)
        app = make_app(store, clock, _KEY, members)
        http = await self._connected(httpx.ASGITransport(app))
        self.house = House(app, http, store, clock, members, _KEY, home)
        self.devices = [await self._device(*owner) for owner in OWNERS]

    async def close(self):
        await self._stack.aclose()

    async def _connected(self, line):
        http = httpx.AsyncClient(transport=line, base_url=BASE)
        return await self._stack.enter_async_context(http)

    async def _device(self, user, client_id):
        line = Line(self.house.app, self.stored)
        return Device(self.house, user, client_id, line, await self._connected(line))

    def write(self, device, make):
        event = str(UUID(int=len(self.all) + 1))
        change = device.write(lambda stamp: make(stamp, event))
        self.all[event] = change.model_copy(update={"client_id": device.client_id})

    async def send(self, device, count=None):
        if await device.send(count):
            self.check(device)

    async def send_all_at_once(self):
        await asyncio.gather(*(device.send() for device in self.devices))

    async def refresh(self, device):
        if await device.refresh():
            self.check(device)

    async def send_again(self, device, number):
        """Let a push that the service has taken long ago arrive once more."""
        if device.line.bodies:
            body = device.line.bodies[number % len(device.line.bodies)]
            answer = await self.house.push_raw(body, user=device.user)
            assert answer.status_code == 200, answer.text

    async def send_from_the_future(self, device, make):
        """Write by a clock an hour ahead: the service takes nothing of the push with it in it.

        The device's user sets the clock, and starts anew with what was written before.
        """
        kept, before = list(device.written), device.ahead
        device.ahead = timedelta(hours=1)
        self.write(device, make)
        with pytest.raises((FutureStampError, ServiceUnavailableError)):
            await device.replica.push(self.house.token(device.user), device.written)
        device.written, device.ahead = kept, before
        device.log_in()
        await self.refresh(device)

    def check(self, device):
        """See that a device which has read the whole log shows what the writes in it make."""
        ids = {change.id for change in self.all.values()}
        held = [device.replica.get(record_id) for record_id in ids]
        due = settled([self.all[event] for event in self.stored])
        assert known([record for record in held if record is not None]) == due, "P1, P4, P6, P10"

    async def meet(self):
        """Have everybody push and pull: all show the same, and nothing was lost or doubled."""
        for device in self.devices:
            device.line.mend()
            assert await device.send(), "P15"
        everybody = [*self.devices, await self._device(*OWNERS[0])]
        for device in everybody:
            assert await device.refresh()
            self.check(device)
        assert all(device.shown() == everybody[0].shown() for device in everybody), "P1, P20"
        logged = Counter(row.id for row in self.house.rows())
        assert logged == Counter(self.stored), "P5"
        assert all(device.acknowledged <= logged.keys() for device in self.devices), "P5"
        assert await self.house.pull_ids("cleo") == [], "P17"


def _text(fields):
    return json.dumps(fields, sort_keys=True)
