"""The runner's service for the tests: real services behind it, and time that a test moves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx
from runner_house import SECRET, SERVICE_KEY, Mana, cast

from mana_lab.runner import Holder, Ledger, Rating, Terms
from mana_lab.runner.claims import Wanted
from mana_lab.runner.meter import Usage
from mana_lab.runner.run import RunPlan
from mana_lab.runner.service import Diagnosis, Duty, create_app

ANNA, MAYA, BEN = (
    each.model_copy(update={"tick_cadence": "hourly"}) for each in cast("anna", "maya", "ben")
)
RUNNER = "http://runner.test"


async def until(holds):
    """Wait until something holds that happens in threads and other tasks."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - it holds in threads, too
            await asyncio.sleep(0.002)


class Waits:
    """What waits until a test moves the time.

    Attributes:
        waiting: For how many seconds each of them waits.
    """

    def __init__(self, clock) -> None:
        self._clock = clock
        self._ends = []

    @property
    def waiting(self):
        return [seconds for seconds, _, end in self._ends if not end.done()]

    async def __call__(self, seconds):
        end = asyncio.get_running_loop().create_future()
        self._ends.append((seconds, self._clock.now() + timedelta(seconds=seconds), end))
        await end

    def move(self, **ahead):
        """Move the time; who waited for it goes on."""
        now = self._clock.now() + timedelta(**ahead)
        self._clock.move_to(now)
        for _, moment, end in self._ends:
            if moment <= now and not end.done():
                end.set_result(None)
        self._ends = [each for each in self._ends if not each[2].done()]


class Paced:
    """A brain that looks at the tasks, and stays in the app for as long as a test wants.

    Args:
        name: What it is called.
        costs: What its model takes in a tick.

    Attributes:
        entered: Who came, in their order, each with the hour that it was for them.
        left: Who has left.
        most: How many were in the app at the same time.
    """

    model = None

    def __init__(self, name="paced", costs: Usage | None = None) -> None:
        self.name = name
        self.entered = []
        self.left = []
        self.most = 0
        self._costs = costs
        self._held = {}

    def hold(self, *slugs):
        """Keep those in the app who come now."""
        for slug in slugs:
            self._held[slug] = asyncio.Event()

    def free(self, slug):
        """Let somebody go."""
        self._held.pop(slug).set()

    async def use(self, app, scene):
        slug = scene.persona.slug
        self.entered.append((slug, scene.now.hour))
        self.most = max(self.most, len(self.entered) - len(self.left))
        try:
            await app.call("todo.list")
            if self._costs is not None:
                await scene.meter.reserve(self._costs)
                await scene.meter.settle(self._costs)
            if held := self._held.get(slug):
                await held.wait()
        finally:
            self.left.append(slug)

    async def rate(self, _scene, actions):
        return [Rating("todo", 4, "It was all there.", (actions[0].id,))]


@dataclass
class Service:
    """A runner at work.

    Attributes:
        duty: The runner.
        app: Its routes.
        waits: Moves its time.
        ledger: Where its ticks are.
        mana: What it stands in front of.
    """

    duty: Duty
    app: object
    waits: Waits
    ledger: Ledger
    mana: Mana

    @asynccontextmanager
    async def http(self, client="127.0.0.1", headers=None):
        """Return a client of its routes, on this machine or elsewhere."""
        transport = httpx.ASGITransport(self.app, client=(client, 9))
        async with httpx.AsyncClient(
            transport=transport, base_url=RUNNER, headers=headers
        ) as opened:
            yield opened

    @property
    def looks(self):
        """How often it has looked."""
        return sum(self.count("looks_total", outcome=outcome) for outcome in ("ok", "failed"))

    async def looked(self, before=0):
        """Wait until it has looked once more, and all who came in have left and been noted."""
        await until(lambda: self.looks > before)
        await until(lambda: self.duty.interval_s in self.waits.waiting)
        await until(lambda: not self.duty.under_way)

    @property
    def is_patient(self):
        """Whether it waits for somebody else's lease."""
        return 30.0 in self.waits.waiting

    async def move(self, **ahead):
        """Move the time, and wait for what comes of that."""
        before = self.looks
        self.waits.move(**ahead)
        await self.looked(before)

    async def ticks(self):
        rows = await self.mana.rows("ticks", "scheduled_at")
        return [(row["persona_email"].split("@")[0].split(".")[-1], row["status"]) for row in rows]

    def count(self, name, **labels):
        """Return a number of the metrics."""
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        line = f"mana_persona_runner_{name}" + (f"{{{wanted}}} " if wanted else " ")
        [value] = [
            each.removeprefix(line)
            for each in self.duty.counts.text().decode().splitlines()
            if each.startswith(line)
        ]
        return float(value)


def hired(
    mana,
    brain,
    *,
    holder="one",
    store=None,
    interval_s=60.0,
    paused=False,
    seed=7,
    app=None,
    **terms,
):
    """Return a runner that has not begun.

    Args:
        mana: What it stands in front of.
        brain: Who plays the personas.
        holder: In whose name it claims ticks.
        store: Where its ledger is, if it is another one than that of *mana*.
        interval_s: How often it looks.
        paused: Whether it begins paused.
        seed: Of its run.
        app: What its routes are made with.
        terms: How ticks are lived.
    """
    waits = Waits(mana.clock)
    ledger = Ledger(store or mana.ledger_store, Holder(holder), wall_clock=mana.clock)
    house = mana.house()
    duty = Duty(
        house,
        ledger,
        Terms(brain, **terms),
        clock=mana.clock,
        seed=seed,
        interval_s=interval_s,
        wait=waits,
        paused=paused,
    )
    given = {"diagnosis": Diagnosis(house.identity, SERVICE_KEY, duty, SECRET), **(app or {})}
    checks = {"ledger": ledger.is_well, "identity": mana.identity.health}
    return Service(duty, create_app(duty, checks, clock=mana.clock, **given), waits, ledger, mana)


@asynccontextmanager
async def at_work(service: Service):
    """Have a runner work; at the end it stops without waiting for anybody."""
    await service.duty.begin()
    work = asyncio.create_task(service.duty.work())
    try:
        yield service
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        if not service.duty.draining.begun.is_set():
            await service.duty.drain(0)


async def id_of(mana, persona):
    """Return the id of a persona's account."""
    everybody = (await mana.identity.all_personas(SERVICE_KEY)).personas
    [user_id] = [each.user_id for each in everybody if each.email == persona.email]
    return user_id


async def crashed(mana, persona, brain="paced"):
    """Leave a tick as a runner leaves it that is killed: claimed, and nobody at work on it."""
    dead = Ledger(mana.ledger_store, Holder("dead"), wall_clock=mana.clock)
    user_id = await id_of(mana, persona)
    now = mana.clock.now()
    run = await dead.begin_run(RunPlan(7, brain, None, now, now + timedelta(minutes=1)))
    return await dead.claim(Wanted(run, persona.email, user_id, now, None, brain))
