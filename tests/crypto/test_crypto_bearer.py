from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from mana_lab.crypto import bearer_token
from mana_lab.errors import UnauthenticatedError


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
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"a.b.c",
        b"Basic YTpi",
        b"Bearera.b.c",
        b"Bearer a.b.c x",
        b"Bearer a.b.c, Bearer d.e.f",
        b"Bearer a.b.c\n",
        b"Bearer a\x00b",
        b"Bearer \xc3\xa9",
        b"Bearer\ta.b.c",
        b"Bearer =",
    ],
)
def test_a_malformed_header_is_refused(value: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        bearer_token([(b"authorization", value)])


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
    with pytest.raises(UnauthenticatedError):
        bearer_token(httpx.Headers(pairs))
