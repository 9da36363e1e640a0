"""How soon a verifier knows which keys are published, and what it says of itself."""

import asyncio
from datetime import timedelta

import anyio
import httpx
import pytest
from crypto_house import Issuer

from mana_lab.clock import ManualClock
from mana_lab.crypto import SigningKey, TokenVerifier
from mana_lab.crypto.encoding import encode_base64url
from mana_lab.crypto.jwks import VerifierStatus
from mana_lab.errors import InvalidTokenError, ServiceUnavailableError


async def refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


@pytest.mark.parametrize("lag", [0.001, 1, 14.5, 29.999])
async def test_a_new_key_counts_within_thirty_seconds_of_its_publication(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock, lag: float
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(lag)
    issuer.keys.append(SigningKey.generate())
    for _ in range(10):  # who asks too early does not put it off
        await refused(verifier, issuer.token(SigningKey.generate()))
    clock.advance(30)
    assert (await verifier.verify(issuer.token())).sub == "u1"


@pytest.mark.parametrize("lag", [0.001, 1, 14.5, 29.999])
@pytest.mark.parametrize("busy", [True, False])
async def test_a_withdrawn_key_is_refused_within_thirty_seconds_however_quiet_it_was(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock, lag: float, busy: bool
) -> None:
    old = issuer.token()
    await verifier.verify(old)
    clock.advance(lag)
    issuer.keys = [SigningKey.generate()]
    for _ in range(29 if busy else 0):
        clock.advance(1)
        await asyncio.gather(verifier.verify(old), return_exceptions=True)
    clock.advance(1 if busy else 30)
    await refused(verifier, old)
    assert verifier.status().tokens == 0


async def test_a_key_that_is_published_while_an_answer_is_under_way_is_not_missed_for_longer(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(30)
    issuer.gate.clear()
    issuer.asked.clear()
    before = httpx.Response(200, json={"keys": [key.public_jwk() for key in issuer.keys]})
    issuer.answer = lambda _: before
    known = asyncio.create_task(verifier.verify(issuer.token()))
    await issuer.asked.wait()
    issuer.keys.append(SigningKey.generate())
    clock.advance(9)
    issuer.gate.set()
    await known
    issuer.answer = issuer.publish
    clock.advance(21)
    assert (await verifier.verify(issuer.token())).sub == "u1"


async def test_a_crowd_with_known_keys_is_one_fetch_when_the_keys_are_old(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(30)
    tokens = [issuer.token(sub=f"u{number}") for number in range(200)]
    await asyncio.gather(*(verifier.verify(token) for token in tokens))
    assert issuer.fetches == 2


@pytest.mark.parametrize("failing", [False, True])
async def test_10_000_unknown_key_ids_are_one_fetch_every_thirty_seconds(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock, failing: bool
) -> None:
    await verifier.verify(issuer.token())
    if failing:
        issuer.answer = lambda _: httpx.Response(500)
    signed = issuer.token().partition(".")[2]
    for second in range(100):
        clock.advance(1)
        for number in range(100):
            header = f'{{"alg":"EdDSA","kid":"{second}-{number}"}}'.encode()
            await refused(verifier, f"{encode_base64url(header)}.{signed}")
        assert (await verifier.verify(issuer.token())).sub == "u1"
    assert issuer.fetches == 1 + 3


async def test_an_issuer_that_hangs_is_waited_for_once_and_briefly(
    issuer: Issuer, clock: ManualClock
) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as http:
        verifier = issuer.verifier(http, patience_s=0.01)
        await verifier.verify(issuer.token())
        issuer.gate.clear()
        clock.advance(30)
        with anyio.fail_after(5):
            assert (await verifier.verify(issuer.token())).sub == "u1"
        assert all(at_once(verifier, issuer.token()) for _ in range(50))
        await verifier.close()
        clock.advance(30)
        issuer.asked.clear()
        assert at_once(verifier, issuer.token())
        await issuer.asked.wait()
        assert issuer.fetches == 3
        await verifier.close()


def at_once(verifier: TokenVerifier, token: str) -> bool:
    """Tell whether a token is found genuine without waiting for anything."""
    try:
        verifier.verify(token).send(None)
    except StopIteration as answer:
        return answer.value.sub == "u1"
    return False


async def test_keys_serve_through_an_hour_without_the_issuer_and_the_verifier_says_so(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.answer = lambda _: httpx.Response(503)
    for _ in range(60):
        clock.advance(60)
        assert (await verifier.verify(issuer.token())).sub == "u1"
    assert verifier.status() == VerifierStatus(
        usable=True, keys=1, age_s=3600.0, stale=True, fetches=61, failures=60, tokens=61
    )
    issuer.answer = issuer.publish
    clock.advance(60)
    await verifier.verify(issuer.token())
    after = verifier.status()
    assert (after.stale, after.age_s, after.failures) == (False, 0.0, 60)


async def test_what_a_verifier_says_of_itself_from_first_to_last(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    nothing = VerifierStatus(
        usable=False, keys=0, age_s=None, stale=False, fetches=0, failures=0, tokens=0
    )
    assert verifier.status() == nothing
    issuer.answer = lambda _: httpx.Response(500)
    with pytest.raises(ServiceUnavailableError):
        await verifier.verify(issuer.token())
    failed = verifier.status()
    assert (failed.usable, failed.stale, failed.fetches, failed.failures) == (False, False, 1, 1)
    issuer.answer = issuer.publish
    issuer.keys.append(SigningKey.generate())
    clock.advance(1)
    await verifier.verify(issuer.token())
    clock.advance(5)
    assert verifier.status() == VerifierStatus(
        usable=True, keys=2, age_s=5.0, stale=False, fetches=2, failures=1, tokens=1
    )
    issuer.answer = lambda _: httpx.Response(500)
    clock.advance(timedelta(hours=24, seconds=1))
    assert not await verifier.has_keys()
    assert not verifier.status().usable


async def test_it_is_ready_once_there_are_keys_and_asks_no_oftener_than_for_tokens(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    issuer.answer = lambda _: httpx.Response(500)
    for _ in range(5):
        assert not await verifier.has_keys()
    assert issuer.fetches == 1
    issuer.answer = issuer.publish
    clock.advance(1)
    for _ in range(5):
        assert await verifier.has_keys()
    assert issuer.fetches == 2
    issuer.answer = lambda _: httpx.Response(500)
    for _ in range(3):
        clock.advance(15)
        assert await verifier.has_keys()
    assert issuer.fetches == 3
