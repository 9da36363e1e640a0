"""Signed texts, and what is not one."""

import jwt
import pytest

from mana_lab.crypto import SigningKey, sign_text, signed_text
from mana_lab.errors import SignatureError

KEY = SigningKey("one", bytes(range(32)))
OTHER = SigningKey("one", bytes(32))


@pytest.mark.parametrize("payload", ["", "plain", "Ünïcode \n{}", "x" * 100_000], ids=len)
def test_a_signed_text_gives_its_payload_back(payload):
    signed = sign_text(payload, KEY, kind="letter")
    assert signed.isascii()
    assert signed_text(f" {signed}\n", KEY, kind="letter") == payload


def test_the_signature_is_of_the_key_and_the_kind():
    signed = sign_text("plain", KEY, kind="letter")
    with pytest.raises(SignatureError):
        signed_text(signed, OTHER, kind="letter")
    with pytest.raises(SignatureError, match="not of the kind bill"):
        signed_text(signed, KEY, kind="bill")


def _none():
    return jwt.PyJWS().encode(b"plain", None, "none", {"typ": "letter"})


def _hmac():
    public = KEY.private_key().public_key().public_bytes_raw()
    return jwt.PyJWS().encode(b"plain", public, "HS256", {"typ": "letter"})


def _binary():
    return jwt.PyJWS().encode(b"\xff", KEY.private_key(), "EdDSA", {"typ": "letter"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a.b.c",
        "." * 10_000,
        _none(),
        _hmac(),
        _binary(),
        sign_text("plain", KEY, kind="letter")[:-2],
        sign_text("plain", KEY, kind="letter") + ".x",
    ],
    ids=range(9),
)
def test_what_is_not_signed_is_refused(text):
    with pytest.raises(SignatureError):
        signed_text(text, KEY, kind="letter")
