"""Whatever is done to a genuine token, the verifier that knows the genuine one lets nobody in."""

import asyncio
import json
import string
from typing import Any

import httpx
import pytest
from crypto_house import AUDIENCE, ISSUER, Issuer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from token_house import PREVIOUS, Forge, part

from mana_lab.clock import ManualClock
from mana_lab.crypto import Claims, SigningKey, TokenVerifier
from mana_lab.crypto.jwt import MAX_LIFETIME_S
from mana_lab.errors import InvalidTokenError, TokenExpiredError

CLOCK = ManualClock()
NOW = int(CLOCK.now().timestamp())
KEY = SigningKey.from_bytes("current", bytes(range(32)))
STRANGER = SigningKey.from_bytes("current", b"\x07" * 32)
FORGE = Forge(KEY, {"sub": "u1", "iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 900})
GENUINE = (
    FORGE.sign(),
    FORGE.with_claims(sub="u2", role="admin"),
    FORGE.sign({"alg": "EdDSA", "kid": "previous"}, key=PREVIOUS),
)
TOKEN = GENUINE[0]
SEGMENTS = sorted({segment for token in GENUINE for segment in token.split(".")})
THOROUGH = settings(max_examples=120, deadline=None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
times = st.integers(NOW - 10**5, NOW + 2 * 10**5) | st.integers()


@pytest.fixture(scope="module")
def verifier() -> TokenVerifier:
    """A verifier that knows the keys, and has believed the genuine tokens."""
    return asyncio.run(primed())


async def primed() -> TokenVerifier:
    issuer = Issuer(CLOCK)
    issuer.keys = [PREVIOUS, KEY]
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as http:
        verifier = issuer.verifier(http)
        for token in GENUINE:
            await verifier.verify(token)
        return verifier


def judged(verifier: TokenVerifier, token: str) -> Claims | None:
    """Return what is believed of *token*; whoever knows the keys waits for nothing."""
    try:
        verifier.verify(token).send(None)
    except StopIteration as answer:
        claims: Claims = answer.value
        return claims
    except (InvalidTokenError, TokenExpiredError):
        return None
    raise AssertionError("the verifier waited for something")


def test_the_genuine_tokens_are_believed(verifier: TokenVerifier) -> None:
    assert [judged(verifier, token) is not None for token in GENUINE] == [True] * 3


@THOROUGH
@given(st.sampled_from(GENUINE), st.integers(0), st.characters())
def test_no_character_can_be_replaced_added_or_dropped(
    verifier: TokenVerifier, token: str, where: int, character: str
) -> None:
    place = where % (len(token) + 1)
    head, tail = token[:place], token[place:]
    for mutant in (head + character + tail[1:], head + character + tail, head + tail[1:]):
        assert mutant in GENUINE or judged(verifier, mutant) is None


@THOROUGH
@given(st.integers(0), st.integers(0, 7))
def test_no_bit_of_any_segment_can_be_turned(verifier: TokenVerifier, where: int, bit: int) -> None:
    raw = bytearray(TOKEN.encode())
    raw[where % len(raw)] ^= 1 << bit
    assert judged(verifier, raw.decode("latin-1")) is None


@THOROUGH
@given(st.lists(st.sampled_from([*SEGMENTS, ""]), max_size=6))
def test_segments_of_genuine_tokens_make_no_other_one(
    verifier: TokenVerifier, segments: list[str]
) -> None:
    mutant = ".".join(segments)
    assert mutant in GENUINE or judged(verifier, mutant) is None


@THOROUGH
@given(
    st.dictionaries(
        st.sampled_from([*FORGE.claims, "nbf", "role", "scope", "sid"]) | st.text(max_size=5),
        json_values,
        min_size=1,
        max_size=4,
    )
)
def test_no_claim_can_be_changed_without_the_key(
    verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    head, _, signature = TOKEN.split(".")
    payload = part(FORGE.claims | changes)
    assert f"{head}.{payload}.{signature}" == TOKEN or (
        judged(verifier, f"{head}.{payload}.{signature}") is None
    )
    assert judged(verifier, FORGE.sign(payload=FORGE.claims | changes, key=STRANGER)) is None


@THOROUGH
@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ"]) | st.text(max_size=6), json_values))
@example({"alg": "none"})
@example({"kid": "previous"})
def test_no_header_makes_a_strangers_signature_good(
    verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    header = FORGE.header | changes
    assert judged(verifier, FORGE.sign(header, key=STRANGER)) is None
    assert judged(verifier, f"{part(header)}.{part(FORGE.claims)}.") is None


@THOROUGH
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_no_bytes_make_a_token(
    verifier: TokenVerifier, header: bytes, payload: bytes, signature: bytes
) -> None:
    assert judged(verifier, f"{part(header)}.{part(payload)}.{part(signature)}") is None
    assert judged(verifier, FORGE.sign(header, payload, STRANGER)) is None


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "sub": json_values | st.text(string.printable, max_size=130),
            "iss": json_values | st.just(ISSUER),
            "aud": json_values | st.lists(st.sampled_from([AUDIENCE, "sync", ""]), max_size=3),
            "iat": json_values | times,
            "exp": json_values | times,
            "nbf": json_values | times,
            "role": json_values | st.just("admin"),
            "scope": json_values | st.text(string.printable, max_size=20),
        },
    )
)
def test_even_with_the_key_only_what_keeps_every_rule_is_believed(
    verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    given_claims = FORGE.claims | changes
    claims = judged(verifier, FORGE.sign(payload=given_claims))
    if claims is None:
        return
    assert (claims.iss, claims.sub) == (ISSUER, given_claims["sub"])
    assert AUDIENCE in claims.aud
    assert 1 <= len(claims.sub) <= 128
    assert all("!" <= character <= "~" for character in claims.sub)
    assert 0 < claims.exp - claims.iat <= MAX_LIFETIME_S
    assert max(claims.iat, claims.nbf) <= NOW + 30
    assert claims.exp > NOW - 30
    assert all(type(given_claims[name]) is int for name in ("iat", "exp"))
    assert claims.role == given_claims.get("role", "user")
    assert json.loads(json.dumps(claims.scope)) == given_claims.get("scope")
