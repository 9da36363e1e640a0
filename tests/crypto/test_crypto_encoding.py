import random
from typing import Any

import pytest

from mana_lab.crypto.encoding import atob, decode_base64url, encode_base64url


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("", b""),
        ("aGk=", b"hi"),
        ("aGk", b"hi"),
        (" a\tG\nk\f=\r", b"hi"),
        ("aGl=", b"hi"),
        ("aGkh", b"hi!"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("a", None),
        ("=", None),
        ("====", None),
        ("aGk==", None),
        ("aGkh=", None),
        ("aG=k", None),
        ("aGk-", None),
        ("aGk\u00a0", None),
        ("äöüß", None),
    ],
)
def test_atob_reads_what_the_browser_reads(text: str, raw: bytes | None) -> None:
    assert atob(text) == raw


def test_atob_agrees_with_node(ask_node: Any) -> None:
    rng = random.Random(3)
    alphabet = "AZaz09+/==== \t\n-_.*é"
    texts = ["".join(rng.choices(alphabet, k=rng.randrange(9))) for _ in range(3000)]
    answers = ask_node([{"op": "atob", "text": text} for text in texts])
    assert sum(answer is not None for answer in answers) > 100
    for text, theirs in zip(texts, answers, strict=True):
        ours = atob(text)
        assert (None if ours is None else ours.hex()) == theirs, text


def test_base64url_comes_back() -> None:
    for length in range(1, 70):
        raw = random.Random(length).randbytes(length)
        assert decode_base64url(encode_base64url(raw)) == raw


@pytest.mark.parametrize("text", ["", "A", "AA==", "AB", "AAB", "AA\n", "A+", "A/", "AAAAA", "é2"])
def test_base64url_that_is_not_canonical_is_refused(text: str) -> None:
    assert decode_base64url(text) is None
