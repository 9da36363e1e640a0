"""A user whose key is rotated while their devices go on writing."""

from __future__ import annotations

from collections import defaultdict

import httpx
from registry_house import BASE
from registry_tools import SECRETS

from mana_lab.clock import iso_millis
from mana_lab.crypto import CipherPolicy, FieldCipher, FieldPlace, KeyRing
from mana_lab.errors import DecryptionError
from mana_lab.identity.client import IdentityClient
from mana_lab.registry.keys import ring_of
from mana_lab.registry.passes import Exchanging
from mana_lab.registry.reencryption import Reencryption
from mana_lab.sync.client import SyncClient
from mana_lab.sync.merge import fold
from mana_lab.sync.wire import Change

SETTLED_S = 16 * 60
VAULT = "/api/v1/me/encryption-vault"


class Steps(httpx.AsyncBaseTransport):
    """The way to the services, on which something can happen before or after each request.

    Attributes:
        asked: The requests that set out, as method and path.
    """

    def __init__(self, house):
        self._identity = httpx.ASGITransport(house.identity_app)
        self._clock = house.clock
        self._sync = httpx.ASGITransport(house.sync_app)
        self.asked = []
        self.dies_at = None
        self.answer_is_lost = False
        self.before = None

    async def handle_async_request(self, request):
        self.asked.append(f"{request.method} {request.url.path}")
        if self.before is not None:
            await self.before(len(self.asked))
        dies = len(self.asked) == self.dies_at
        if dies and not self.answer_is_lost:
            raise httpx.ConnectError("killed before the request")
        to_sync = request.url.path.startswith("/sync/")
        answer = await (self._sync if to_sync else self._identity).handle_async_request(request)
        if dies:
            raise httpx.ReadError("killed before the answer")
        return answer

    def job(self, *, batch=1, policy=None, tables=(SECRETS,)):
        """Return the re-encryption that goes this way."""
        http = httpx.AsyncClient(transport=self)
        identity, sync = IdentityClient(BASE, http), SyncClient(BASE, http, "tools")
        passes = Exchanging(identity, self._clock)
        return Reencryption(identity, sync, tables, passes, policy, batch=batch)


class Rotating:
    """A user, what each of their records should say, and devices that write."""

    def __init__(self, house, caller):
        self.house = house
        self.caller = caller
        self.expected = {}

    @property
    def user_id(self):
        return self.caller.principal.user_id

    @property
    def token(self):
        return self.caller.token

    async def ring(self) -> KeyRing:
        return ring_of(await self.house.identity.vault_key(self.token))

    async def keep(self, text, **more):
        """Keep a secret through a tool."""
        self.house.clock.advance(1)
        made = await self.caller.call("secrets.keep", text=text, **more)
        self.expected[made["id"]] = text
        return made["id"]

    async def write(self, record_id, text, ring, *, client="phone", policy=None, stamp=None):
        """Write as a device does that holds the keys of *ring*."""
        self.house.clock.advance(1)
        place = FieldPlace(self.user_id, SECRETS.app_id, SECRETS.name, record_id, "text")
        sealed = FieldCipher(ring, policy).seal(text, place)
        at = stamp or iso_millis(self.house.clock.now())
        change = Change.to_update(SECRETS.name, record_id, {"text": sealed}, at)
        here = change.model_copy(update={"space_id": self.caller.space.id})
        await self.caller.push(SECRETS.app_id, here, client=client)
        self.expected[record_id] = text

    async def plant(self, record_id, text, place=0):
        """Insert a record whose text stands in the store as it is given."""
        data = {"text": text, "place": place, "spaceId": self.caller.space.id}
        data |= dict.fromkeys(("createdAt", "updatedAt"), iso_millis(self.house.clock.now()))
        change = Change.to_insert(SECRETS.name, record_id, data)
        here = change.model_copy(update={"space_id": self.caller.space.id})
        await self.caller.push(SECRETS.app_id, here)

    async def rotate(self):
        await self.house.identity.vault_rotate(self.token)

    async def settle(self):
        """Let the time pass after which nobody writes with an earlier key; sign in anew."""
        self.house.clock.advance(SETTLED_S)
        self.caller = await self.house.sign_in(self.caller.principal.email)

    async def read(self):
        """Return what a tool reads in a process that was started just now, without a job in it."""
        backend = self.house.new_backend(tables=())
        found = await self.caller.call("secrets.list", backend=backend)
        return {secret["id"]: secret["text"] for secret in found["secrets"]}

    async def check(self):
        """Check that every record can be read and says what was written last."""
        assert await self.read() == self.expected

    async def log(self):
        return await self.caller.log(SECRETS.app_id, SECRETS.name)

    async def held(self):
        """Return the records as the log makes them, deleted ones too, by space."""
        spaces = defaultdict(dict)
        for change in await self.log():
            fold([change], spaces[change.space_id])
        return [record for records in spaces.values() for record in records.values()]

    async def stale(self, policy: CipherPolicy | None = None):
        """Return the ids of records whose text the current key alone does not open."""
        alone = FieldCipher(KeyRing((await self.ring()).current), policy)
        found = set()
        for record in await self.held():
            place = FieldPlace(self.user_id, SECRETS.app_id, SECRETS.name, record.id, "text")
            try:
                alone.open(record.fields.get("text"), place)
            except DecryptionError:
                found.add(record.id)
        return found
