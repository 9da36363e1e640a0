"""A process of its own that serves the real sync application, for tests that kill it.

``python sync_child.py URL`` with a JSON object on standard input: the signing key as ``kid``
and ``seed``, and what is wrong with the service, if anything, as ``mutant``. It prints its port.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from sync_house import FLAT, Members, make_app

from mana_lab.clock import SystemClock
from mana_lab.crypto import SigningKey
from mana_lab.storage import Store, postgres
from mana_lab.storage import store as store_module
from mana_lab.storage.writer import Writer
from mana_lab.sync.server import METADATA

PATIENCE = 32
"""How many batches the mutant acknowledges before it commits them."""


class TooEarly(Writer):
    """Acknowledges every batch at once, and commits only now and then."""

    waiting = 0

    def _commit(self, batch):
        if self._connection is None:
            self._connection = self._engine.connect()
        if not self._connection.in_transaction():
            self._connection.begin()
        for job in batch:
            self._do(self._connection, job)
        self.waiting += len(batch)
        if self.waiting >= PATIENCE:
            self._connection.commit()
            self.waiting = 0


def acknowledge_too_early():
    store_module.Writer = TooEarly


def leave_flushing_to_the_server():
    insisting = postgres._BEGIN
    postgres._BEGIN = insisting.replace("WHEN 'off' THEN 'on'", "WHEN 'off' THEN 'off'")
    assert insisting != postgres._BEGIN


MUTANTS = {
    None: lambda: None,
    "too early": acknowledge_too_early,
    "not insisting": leave_flushing_to_the_server,
}


async def main(url, orders):
    key = SigningKey.from_bytes(orders["kid"], bytes.fromhex(orders["seed"]))
    MUTANTS[orders["mutant"]]()
    async with await Store.open(url, METADATA) as store:
        app = make_app(store, SystemClock(), key, Members(anna=[FLAT]))
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            sys.stdout.write(f"{listening.getsockname()[1]}\n")
            sys.stdout.flush()
            server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
            await server.serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.stdin.readline())))
