import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from crypto_house import AUDIENCE, ISSUER, JWKS_URL, Issuer

from mana_lab.clock import ManualClock
from mana_lab.crypto import SigningKey, TokenVerifier
from mana_lab.errors import InvalidTokenError, ServiceUnavailableError, TokenExpiredError


async def refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        await verifier.verify(token)
    assert type(caught.value) is InvalidTokenError
    assert caught.value.message == "the token is not valid here; sign in again"


async def test_k1_a_cold_start_of_200_requests_is_one_fetch(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    issuer.gate.clear()
    tokens = [issuer.token(sub=f"u{number}") for number in range(200)]
    waiting = asyncio.gather(*(verifier.verify(token) for token in tokens))
    await issuer.asked.wait()
    issuer.gate.set()
    assert [claims.sub for claims in await waiting] == [f"u{number}" for number in range(200)]
    assert issuer.fetches == 1


async def test_k2_unknown_key_ids_within_the_cooldown_fetch_nothing(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(29.9)
    tokens = [issuer.token(SigningKey.from_bytes(f"unknown{n}", bytes(32))) for n in range(500)]
    await asyncio.gather(*(refused(verifier, token) for token in tokens))
    assert issuer.fetches == 1


async def test_k3_unknown_key_ids_after_the_cooldown_are_one_fetch(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    clock.advance(30)
    tokens = [issuer.token(SigningKey.from_bytes(f"unknown{n}", bytes(32))) for n in range(500)]
    await asyncio.gather(*(refused(verifier, token) for token in tokens))
    assert issuer.fetches == 2


async def test_unknown_key_ids_while_the_endpoint_fails_are_one_fetch_per_cooldown(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.answer = lambda _: httpx.Response(500)
    for _ in range(3):
        clock.advance(30)
        for number in range(20):
            await refused(verifier, issuer.token(SigningKey.from_bytes(f"u{number}", bytes(32))))
    assert issuer.fetches == 4


async def test_k4_an_old_key_set_answers_while_the_issuer_takes_its_time(
    issuer: Issuer, clock: ManualClock
) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as http:
        verifier = issuer.verifier(http, patience_s=0.01)
        await verifier.verify(issuer.token())
        clock.advance(301)
        old = issuer.keys[-1]
        issuer.keys.append(SigningKey.generate())
        issuer.gate.clear()
        with anyio.fail_after(5):
            for _ in range(50):
                assert (await verifier.verify(issuer.token(old))).sub == "u1"
        newcomer = asyncio.create_task(verifier.verify(issuer.token()))
        issuer.gate.set()
        assert (await newcomer).sub == "u1"
        assert issuer.fetches == 2


def too_long(issuer: Issuer) -> httpx.Response:
    keys = [key.public_jwk() for key in issuer.keys]
    return httpx.Response(200, json={"keys": keys, "filler": "x" * 5_000_000})


def redirect(issuer: Issuer) -> httpx.Response:
    if issuer.fetches > 2:
        return issuer.publish(httpx.Request("GET", JWKS_URL))
    return httpx.Response(302, headers={"location": f"{JWKS_URL}2"})


def packed(issuer: Issuer) -> httpx.Response:
    body = issuer.publish(httpx.Request("GET", JWKS_URL)).content
    return httpx.Response(200, content=gzip.compress(body), headers={"content-encoding": "gzip"})


def duplicate_member(issuer: Issuer) -> httpx.Response:
    body = issuer.publish(httpx.Request("GET", JWKS_URL)).content
    return httpx.Response(200, content=b'{"keys":[],' + body[1:])


def unreachable(_issuer: Issuer) -> httpx.Response:
    raise httpx.ConnectError("refused")


def crashed(_issuer: Issuer) -> httpx.Response:
    raise RuntimeError("the issuer's app broke")


def publishing(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Issuer], httpx.Response]:
    def answer(issuer: Issuer) -> httpx.Response:
        return httpx.Response(200, json=change([key.public_jwk() for key in issuer.keys]))

    return answer


BROKEN: dict[str, Callable[[Issuer], httpx.Response]] = {
    "down": unreachable,
    "crashed": crashed,
    "500": lambda _: httpx.Response(500),
    "404 with keys": lambda issuer: httpx.Response(
        404, json={"keys": [key.public_jwk() for key in issuer.keys]}
    ),
    "HTML": lambda _: httpx.Response(200, html="<html>sign in</html>"),
    "redirect": redirect,
    "gzip": packed,
    "no keys": publishing(lambda _: {"keys": []}),
    "array": publishing(lambda keys: keys),
    "empty array": publishing(lambda _: []),
    "empty": lambda _: httpx.Response(200),
    "5 MB": too_long,
    "private key": publishing(lambda keys: {"keys": [key | {"d": "AAAA"} for key in keys]}),
    "duplicate key id": publishing(lambda keys: {"keys": keys + keys}),
    "only oct": publishing(lambda _: {"keys": [{"kty": "oct", "kid": "o", "k": "AAAA"}]}),
    "deep": lambda _: httpx.Response(200, content=b"[" * 60_000),
    "duplicate member": duplicate_member,
}


@pytest.mark.parametrize("name", BROKEN)
async def test_k5_a_broken_endpoint_changes_nothing(
    name: str, issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    old = issuer.keys[-1]
    await verifier.verify(issuer.token())
    issuer.keys.append(SigningKey.generate())
    issuer.answer = lambda _: BROKEN[name](issuer)
    clock.advance(301)
    await refused(verifier, issuer.token())
    assert issuer.fetches == 2
    assert (await verifier.verify(issuer.token(old))).sub == "u1"
    issuer.answer = issuer.publish
    clock.advance(30)
    assert (await verifier.verify(issuer.token())).sub == "u1"


@pytest.mark.parametrize("name", BROKEN)
async def test_without_any_keys_a_broken_endpoint_is_service_unavailable(
    name: str, issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    issuer.answer = lambda _: BROKEN[name](issuer)
    for _ in range(20):
        with pytest.raises(ServiceUnavailableError) as caught:
            await verifier.verify(issuer.token())
        assert caught.value.__cause__ is not None
    assert issuer.fetches == 1
    issuer.answer = issuer.publish
    clock.advance(1)
    assert (await verifier.verify(issuer.token())).sub == "u1"


async def test_a_redirect_is_not_followed_even_if_the_client_follows_them(issuer: Issuer) -> None:
    issuer.answer = lambda _: redirect(issuer)
    transport = httpx.MockTransport(issuer)
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as http:
        with pytest.raises(ServiceUnavailableError):
            await issuer.verifier(http).verify(issuer.token())
    assert issuer.fetches == 1


async def test_a_key_set_of_64_kb_is_still_read(issuer: Issuer, verifier: TokenVerifier) -> None:
    body = json.dumps({"keys": [issuer.keys[0].public_jwk()]}).encode()
    issuer.answer = lambda _: httpx.Response(200, content=body.ljust(65536))
    assert (await verifier.verify(issuer.token())).sub == "u1"


async def test_an_endless_answer_is_read_no_further_than_64_kb(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 4096
            yield b" " * 4096

    issuer.answer = lambda _: httpx.Response(200, content=endless())
    with pytest.raises(ServiceUnavailableError):
        await verifier.verify(issuer.token())
    assert sent == 65536 + 4096


async def test_k6_a_new_key_is_fetched_on_demand_and_a_withdrawn_one_refused(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    old = issuer.keys[0]
    await verifier.verify(issuer.token(old))
    issuer.keys = [SigningKey.generate()]
    clock.advance(31)
    assert (await verifier.verify(issuer.token())).sub == "u1"
    await refused(verifier, issuer.token(old))
    assert issuer.fetches == 2


async def test_k7_after_a_day_of_outage_the_old_keys_are_refused(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.answer = lambda _: httpx.Response(503)
    clock.advance(timedelta(hours=24))
    assert (await verifier.verify(issuer.token())).sub == "u1"
    clock.advance(timedelta(seconds=31))
    with pytest.raises(ServiceUnavailableError):
        await verifier.verify(issuer.token())
    issuer.answer = issuer.publish
    clock.advance(30)
    assert (await verifier.verify(issuer.token())).sub == "u1"


async def test_k8_two_issuers_never_share_keys(issuer: Issuer, clock: ManualClock) -> None:
    other = Issuer(clock)
    routes = {ISSUER: issuer, "http://other.test": other}

    async def route(request: httpx.Request) -> httpx.Response:
        return await routes[str(request.url).partition("/api")[0]](request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(route)) as http:
        ours = issuer.verifier(http)
        theirs = TokenVerifier(
            "http://other.test/api/auth/jwks", http, issuer=ISSUER, audience=AUDIENCE, clock=clock
        )
        assert (await ours.verify(issuer.token())).sub == "u1"
        assert (await theirs.verify(other.token())).sub == "u1"
        await refused(ours, other.token())
        await refused(theirs, issuer.token())


async def test_a_malformed_token_causes_no_request(issuer: Issuer, verifier: TokenVerifier) -> None:
    for token in ["", "a.b.c", "x" * 9000, issuer.token() + "=", f"Bearer {issuer.token()}"]:
        await refused(verifier, token)
    assert issuer.fetches == 0


async def test_tokens_are_judged_by_the_labs_time(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    token = issuer.token()
    clock.advance(929)
    assert (await verifier.verify(token)).sub == "u1"
    clock.advance(1)
    with pytest.raises(TokenExpiredError):
        await verifier.verify(token)
    await refused(verifier, issuer.token(aud="other"))


async def test_a_cancelled_request_leaves_the_fetch_to_the_others(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    issuer.gate.clear()
    first = asyncio.create_task(verifier.verify(issuer.token()))
    second = asyncio.create_task(verifier.verify(issuer.token()))
    await issuer.asked.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    issuer.gate.set()
    assert (await second).sub == "u1"
    assert issuer.fetches == 1


async def test_closing_ends_a_fetch_that_is_under_way(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    issuer.gate.clear()
    waiting = asyncio.create_task(verifier.verify(issuer.token()))
    await issuer.asked.wait()
    await verifier.close()
    with pytest.raises(ServiceUnavailableError):
        await waiting
    await verifier.close()
