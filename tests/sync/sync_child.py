"""A process of its own that serves the real sync application, for tests that kill it.

``python sync_child.py DATABASE`` with a JSON object on standard input: the signing key as ``kid``
and ``seed``, and ``mutant``, whether to acknowledge a write before its commit. It prints its port.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from sync_house import FLAT, Members, make_app

from mana_lab.clock import SystemClock
from mana_lab.crypto import SigningKey
from mana_lab.storage import Store, writer
from mana_lab.sync.server import METADATA

PATIENCE = 32
"""How many batches the mutant acknowledges before it commits them."""


class TooEarly:
    """Acknowledges every batch at once, and commits only now and then."""

    def __init__(self):
        self.waiting = 0

    def __call__(self, connection, batch):
        if not connection.in_transaction():
            connection.begin()
        for job in batch:
            job.result = job.work(connection)
            job.resolve()
        self.waiting += len(batch)
        if self.waiting >= PATIENCE:
            connection.commit()
            self.waiting = 0


async def main(path, orders):
    key = SigningKey.from_bytes(orders["kid"], bytes.fromhex(orders["seed"]))
    async with await Store.open(f"sqlite:///{path}", METADATA) as store:
        if orders["mutant"]:
            writer._commit = TooEarly()
        app = make_app(store, SystemClock(), key, Members(anna=[FLAT]))
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            sys.stdout.write(f"{listening.getsockname()[1]}\n")
            sys.stdout.flush()
            server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
            await server.serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.stdin.readline())))
