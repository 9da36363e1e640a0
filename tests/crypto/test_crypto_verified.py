"""A token that was found genuine is not checked again, and never believed for too long."""

import httpx
import pytest
from crypto_house import Issuer
from cryptography.hazmat.primitives.asymmetric import ed25519

from mana_lab.clock import ManualClock
from mana_lab.crypto import KeySet, SigningKey, TokenVerifier
from mana_lab.crypto.jwt import Claims, UnverifiedToken
from mana_lab.crypto.verified import MAX_TOKENS, VerifiedTokens
from mana_lab.errors import InvalidTokenError, ServiceUnavailableError, TokenExpiredError


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every signature check from here on, by the key id of its token."""
    made: list[str] = []
    check = UnverifiedToken.verify

    def counted(self: UnverifiedToken, key: ed25519.Ed25519PublicKey, **given: object) -> Claims:
        made.append(self.kid)
        return check(self, key, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(UnverifiedToken, "verify", counted)
    return made


async def test_a_genuine_token_is_checked_once(
    issuer: Issuer, verifier: TokenVerifier, checks: list[str]
) -> None:
    one, other = issuer.token(), issuer.token(sub="u2")
    for _ in range(3):
        assert (await verifier.verify(one)).sub == "u1"
        assert (await verifier.verify(other)).sub == "u2"
    assert len(checks) == 2


@pytest.mark.parametrize("place", ["header", "payload", "signature"])
async def test_a_token_that_differs_in_one_character_is_a_stranger(
    issuer: Issuer, verifier: TokenVerifier, place: str
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    parts = dict(zip(["header", "payload", "signature"], token.split("."), strict=True))
    middle = len(parts[place]) // 2
    swapped = "A" if parts[place][middle] != "A" else "B"
    parts[place] = parts[place][:middle] + swapped + parts[place][middle + 1 :]
    for _ in range(2):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(".".join(parts.values()))
    assert (await verifier.verify(token)).sub == "u1"


async def test_a_refused_token_is_not_remembered(
    issuer: Issuer, verifier: TokenVerifier, checks: list[str]
) -> None:
    forged = issuer.token(SigningKey.from_bytes(issuer.keys[0].kid, bytes(32)))
    for _ in range(3):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(forged)
    assert len(checks) == 3


async def test_a_token_is_judged_anew_from_its_end_on(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock, checks: list[str]
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    clock.advance(899)
    await verifier.verify(token)
    assert len(checks) == 1
    clock.advance(1)
    for expected in (2, 3):  # within the leeway it is genuine, and checked every time
        await verifier.verify(token)
        assert len(checks) == expected
    clock.advance(30)
    with pytest.raises(TokenExpiredError):
        await verifier.verify(token)


async def test_a_token_is_refused_when_the_clock_goes_back_before_its_beginning(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    clock.advance(-60)
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


async def test_a_withdrawn_key_takes_its_tokens_with_it(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    issuer.keys = [SigningKey.generate()]
    clock.advance(30)
    assert (await verifier.verify(issuer.token())).sub == "u1"
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


async def test_tokens_are_remembered_across_a_fetch_that_brings_the_same_keys(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock, checks: list[str]
) -> None:
    issuer.keys.append(SigningKey.generate())
    token = issuer.token()
    await verifier.verify(token)
    issuer.keys.reverse()
    for fetches in (2, 3, 4):
        clock.advance(30)
        await verifier.verify(token)
        assert (issuer.fetches, len(checks)) == (fetches, 1)


@pytest.mark.parametrize("change", ["withdrawn", "added"])
async def test_all_tokens_are_judged_anew_when_any_key_of_the_set_changes(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock, checks: list[str], change: str
) -> None:
    issuer.keys.insert(0, SigningKey.generate())
    tokens = [issuer.token(sub=f"u{number}") for number in range(5)]
    for token in tokens:
        await verifier.verify(token)
    if change == "withdrawn":
        del issuer.keys[0]
    else:
        issuer.keys.insert(0, SigningKey.generate())
    clock.advance(30)
    assert await verifier.has_keys()
    assert verifier.status().tokens == 0
    for token in tokens:
        await verifier.verify(token)
    assert len(checks) == 10


async def test_a_key_that_is_replaced_under_its_id_takes_its_tokens_with_it(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    issuer.keys = [SigningKey.from_bytes(issuer.keys[0].kid, bytes(32)), SigningKey.generate()]
    clock.advance(30)
    await verifier.verify(issuer.token())
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


async def test_keys_too_old_to_be_trusted_take_their_tokens_with_them(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    """A token lives no longer than keys are trusted, so here they were a minute old before it."""
    await verifier.verify(issuer.token())
    issuer.answer = lambda _: httpx.Response(500)
    clock.advance(60)
    token = issuer.token(exp=int(clock.now().timestamp()) + 24 * 3600)
    await verifier.verify(token)
    clock.advance(24 * 3600 - 60)
    await verifier.verify(token)
    clock.advance(1)
    with pytest.raises(ServiceUnavailableError):
        await verifier.verify(token)


async def test_only_so_many_tokens_are_remembered_and_the_latest_used_stay(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    claims, keys = await verifier.verify(issuer.token()), KeySet({})
    known = VerifiedTokens(leeway_s=30)
    for number in range(MAX_TOKENS):
        known.add(f"token {number}", "k", claims, keys)
    assert known.get("token 0", keys, clock.now()) is claims
    known.add("one more", "k", claims, keys)
    assert len(known) == MAX_TOKENS
    assert known.get("token 0", keys, clock.now()) is claims
    assert known.get("token 1", keys, clock.now()) is None


@pytest.mark.parametrize("token", ["", "\ud800", "ä.ö.ü", "x" * 100_000])
async def test_a_text_that_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)
