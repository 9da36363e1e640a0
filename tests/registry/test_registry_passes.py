"""Tokens that are exchanged for the caller's own: shared, kept for a while, and let go."""

import asyncio

import pytest

from mana_lab.crypto.exchanged import EXCHANGED_LIFETIME_S, SPACES_READ
from mana_lab.errors import ServiceUnavailableError
from mana_lab.identity.wire import ExchangedToken
from mana_lab.registry.passes import Exchanging


class Issuer:
    """Exchanges tokens as soon as it is let."""

    def __init__(self):
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()
        self.down = False

    async def exchange(self, token, audience, scope, *, space_id=None, tool=None):
        self.asked.append((token, audience, scope, space_id, tool))
        self.reached.set()
        await self.gate.wait()
        if self.down:
            raise ServiceUnavailableError("down")
        return ExchangedToken(
            access_token=f"pass {len(self.asked)}",
            issued_token_type="x",
            token_type="Bearer",
            expires_in=EXCHANGED_LIFETIME_S,
            scope=scope,
        )


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
async def passes(issuer, clock):
    async with Exchanging(issuer, clock) as passes:
        yield passes


async def test_reading_shares_one_exchange_until_shortly_before_its_end(passes, issuer, clock):
    first = await asyncio.gather(*(passes.to_read("anna", "home") for _ in range(50)))
    assert set(first) == {"pass 1"}
    clock.advance(EXCHANGED_LIFETIME_S - 6)
    assert await passes.to_read("anna", "home") == "pass 1"
    clock.advance(1)
    assert await passes.to_read("anna", "home") == "pass 2"
    assert len(issuer.asked) == 2


async def test_another_caller_space_or_purpose_is_another_exchange(passes, issuer):
    await passes.to_read("anna", "home")
    await passes.to_read("ben", "home")
    await passes.to_read("anna", "club")
    await passes.to_identity("anna")
    await passes.to_identity("anna", SPACES_READ, "home")
    assert len(set(issuer.asked)) == len(issuer.asked) == 5


async def test_one_for_writing_is_never_shown_again(passes, issuer):
    shown = [await passes.to_write("anna", "home", "todo.create") for _ in range(3)]
    assert len(set(shown)) == 3
    assert issuer.asked[0][4] == "todo.create"


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(passes, issuer):
    issuer.down = True
    failed = await asyncio.gather(
        *(passes.to_read("anna", "home") for _ in range(5)), return_exceptions=True
    )
    assert {type(each) for each in failed} == {ServiceUnavailableError}
    assert len(issuer.asked) == 1
    issuer.down = False
    assert await passes.to_read("anna", "home") == "pass 2"


async def test_who_gives_up_leaves_the_others_their_exchange(passes, issuer):
    issuer.gate.clear()
    waiting = [asyncio.create_task(passes.to_read("anna", "home")) for _ in range(3)]
    await issuer.reached.wait()
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    issuer.gate.set()
    assert await asyncio.gather(*waiting[1:]) == ["pass 1"] * 2


async def test_an_exchange_that_nobody_waits_for_ends(passes, issuer):
    tasks = asyncio.all_tasks()
    issuer.gate.clear()
    waiting = asyncio.create_task(passes.to_read("anna", "home"))
    await issuer.reached.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    issuer.gate.set()
    assert await passes.to_read("anna", "home") == "pass 2"
