import pytest

from mana_lab.crypto.strictjson import strict_json
from mana_lab.errors import InvalidJsonError


def test_reads_plain_json() -> None:
    assert strict_json('{"a":[1,2.5,null,"é \\ud83d\\udc19"]}'.encode()) == {
        "a": [1, 2.5, None, "é 🐙"]
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e400",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'[{"b":{"a":1,"a":1}}]',
        b'"\\ud800"',
        b'{"\\uDC00":1}',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        '"a"'.encode("utf-16"),
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda raw: f"{raw[:20]!r} of {len(raw)}",
)
def test_refuses_what_could_be_read_in_two_ways(raw: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        strict_json(raw)


def test_the_depth_is_the_callers_choice() -> None:
    assert strict_json(b"[[1]]", max_depth=2) == [[1]]
    with pytest.raises(InvalidJsonError):
        strict_json(b"[[1]]", max_depth=1)
