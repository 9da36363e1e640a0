from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from mana_lab.crypto import bearer_token
from mana_lab.crypto.jwt import UnverifiedToken
from mana_lab.errors import InvalidTokenError, UnauthenticatedError


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"x"), (b"authorization", b"Bearer a.b.c")],
        [(b"Authorization", b"bearer a.b.c")],
        [(b"authorization", b" BEARER   a.b.c ")],
        {"authorization": "Bearer a.b.c"},
        {"AUTHORIZATION": "Bearer a.b.c"},
        {b"Authorization": b"Bearer a.b.c"},
        Headers({"authorization": "Bearer a.b.c"}),
        httpx.Headers({"Authorization": "Bearer a.b.c"}),
    ],
    ids=repr,
)
def test_finds_the_token_in_pairs_and_mappings(headers: Any) -> None:
    assert bearer_token(headers) == "a.b.c"


@pytest.mark.parametrize(
    "value",
    [b"", b"Bearer", b"Bearer ", b"a.b.c", b"Basic YTpi", b"Bearera.b.c", b"Bearer\ta.b.c"],
)
def test_a_header_without_a_bearer_token_is_like_none(value: bytes) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        bearer_token([(b"authorization", value)])
    assert type(caught.value) is UnauthenticatedError


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c x",
        "a.b.c, Bearer d.e.f",
        "a.b.c\n",
        "\na.b.c",
        "a\x00b",
        "\xe9",
        "=",
        '"a.b.c"',
        "=" * 100_000,
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_cannot_be_a_token_is_left_to_the_verifier_which_refuses_it(text: str) -> None:
    token = bearer_token([(b"authorization", b"Bearer " + text.encode("latin-1"))])
    assert token == text
    with pytest.raises(InvalidTokenError):
        UnverifiedToken.parse(token)


def test_a_missing_header_is_refused() -> None:
    with pytest.raises(UnauthenticatedError):
        bearer_token([(b"x-authorization", b"Bearer a.b.c")])
    with pytest.raises(UnauthenticatedError):
        bearer_token({})


@pytest.mark.parametrize("second", [b"Bearer a.b.c", b"Bearer d.e.f", b"Basic x", b""])
def test_two_headers_are_refused(second: bytes) -> None:
    pairs = [(b"authorization", b"Bearer a.b.c"), (b"Authorization", second)]
    with pytest.raises(UnauthenticatedError):
        bearer_token(pairs)
    with pytest.raises(UnauthenticatedError):
        bearer_token(Headers(raw=[(name.lower(), value) for name, value in pairs]))
    with pytest.raises(InvalidTokenError):  # it joins the two, and that is no token
        UnverifiedToken.parse(bearer_token(httpx.Headers(pairs)))
