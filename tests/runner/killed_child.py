"""A process of its own that lives a run, and kills itself in the middle of it.

``python killed_child.py FOLDER CONCURRENCY KILL_AT [record]``: the services stand on the databases
in FOLDER. It begins a run, or goes on with the one that was begun, and ends itself with SIGKILL at
the KILL_AT-th event: each request to a service and each write of the ledger is two, one before and
one after it. It prints how many events there were when it comes to the end.
"""

import asyncio
import os
import signal
import sys

from replay_house import still_door
from runner_house import open_mana

from mana_lab.clock import SystemClock
from mana_lab.runner import ScriptedBrain, Terms
from mana_lab.sync.server import ChangeLog

DAYS = 1.5
SEED = 7


class Events:
    """Counts, and kills at one count."""

    def __init__(self, kill_at):
        self.count = 0
        self._kill_at = kill_at

    def __call__(self):
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work):
        async def counted(*args, **given):
            self()
            done = await work(*args, **given)
            self()
            return done

        return counted


async def live(folder, concurrency, events, *how):
    async with open_mana(folder) as mana:
        written_at = await ChangeLog(mana.sync_store, SystemClock()).last_write_at()
        if written_at is not None:
            mana.clock.move_to(written_at)
        for service in (mana.identity_service, mana.gateway_service):
            service.app = events.around(service.app)
        mana.ledger_store.write = events.around(mana.ledger_store.write)
        terms = Terms(ScriptedBrain(), concurrency, app_on_tape=bool(how))
        fleet = mana.fleet(door=still_door(mana))
        if await mana.ledger.runs():
            return await fleet.resume(terms)
        return await fleet.simulate(days=DAYS, seed=SEED, terms=terms)


def main():
    folder, concurrency, kill_at, *how = sys.argv[1:]
    events = Events(int(kill_at))
    run = asyncio.run(live(folder, int(concurrency), events, *how))
    sys.stdout.write(f"{run.status} {events.count}\n")


if __name__ == "__main__":
    main()
