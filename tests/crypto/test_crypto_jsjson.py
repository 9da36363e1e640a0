import json
import math
import random
import struct
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from mana_lab.crypto import js_parse, js_stringify
from mana_lab.crypto.jsjson import MAX_DEPTH, MAX_SAFE_INTEGER
from mana_lab.errors import InvalidJsonError, UnserializableValueError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (123456789.125, "123456789.125"),
        (1e-6, "0.000001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (1e16, "10000000000000000"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (sys.float_info.max, "1.7976931348623157e+308"),
        (MAX_SAFE_INTEGER, "9007199254740991"),
        (-MAX_SAFE_INTEGER, "-9007199254740991"),
        (2.0**53, "9007199254740992"),
        ("", '""'),
        ('"\\/\b\f\n\r\t\x00\x1f\x7f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'),
        ("Grüße 🐙\u2028\ufeff", '"Grüße 🐙\u2028\ufeff"'),
        ("\ud800x", '"\\ud800x"'),
        ("\udc00\ud800", '"\\udc00\\ud800"'),
        ("\ud83d\udc19", '"🐙"'),
        ([], "[]"),
        ({}, "{}"),
        ((1, 2), "[1,2]"),
        ([1, "a", None, [True]], '[1,"a",null,[true]]'),
        ({"b": 1, "a": {"z": [], "y": {}}}, '{"b":1,"a":{"z":[],"y":{}}}'),
        ({"x": 3, "10": 1, "2": 2}, '{"2":2,"10":1,"x":3}'),
        ({"01": 1, "4294967295": 2, "4294967294": 3, "-1": 4, "0": 5, "²": 6, "1.0": 7},
         '{"0":5,"4294967294":3,"01":1,"4294967295":2,"-1":4,"²":6,"1.0":7}'),
    ],
)  # fmt: skip
def test_writes_what_json_stringify_writes(value: Any, text: str) -> None:
    assert js_stringify(value) == text


@pytest.mark.parametrize(
    "value",
    [
        MAX_SAFE_INTEGER + 1,
        -MAX_SAFE_INTEGER - 1,
        10**400,
        math.nan,
        math.inf,
        -math.inf,
        {1: "a"},
        {None: 1},
        {"a": [{True: 1}]},
        b"bytes",
        {1, 2},
        1j,
        datetime(2026, 1, 1, tzinfo=UTC),
        pytest.param(object(), id="object"),
    ],
    ids=repr,
)
def test_refuses_what_javascript_would_not_read_back(value: Any) -> None:
    with pytest.raises(UnserializableValueError):
        js_stringify([value])


def test_a_refusal_does_not_quote_the_value() -> None:
    with pytest.raises(UnserializableValueError) as caught:
        js_stringify({"diary": b"secret"})
    assert "secret" not in str(caught.value)


def nested(levels: int) -> Any:
    value: Any = []
    for level in range(levels - 1):
        value = [value] if level % 2 else {"a": value}
    return value


def test_the_depth_limit_is_the_same_in_both_directions() -> None:
    text = js_stringify(nested(MAX_DEPTH))
    assert js_parse(text) == nested(MAX_DEPTH)
    with pytest.raises(UnserializableValueError, match="deeper"):
        js_stringify(nested(MAX_DEPTH + 1))
    with pytest.raises(InvalidJsonError, match="deeper"):
        js_parse(f"[{text}]")


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = [1]
    value += [value, value]
    with pytest.raises(UnserializableValueError):
        js_stringify(value)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000],
    ids=["arrays", "objects", "closed arrays"],
)
def test_deep_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidJsonError):
        js_parse(text)


def test_brackets_in_strings_are_no_depth() -> None:
    value = ["[{" * 1000, '\\"[' * 1000, {"]]": "\\"}]
    assert js_parse(js_stringify(value)) == value


def test_an_unterminated_string_of_escaped_quotes_is_passed_over_once() -> None:
    with pytest.raises(InvalidJsonError):
        js_parse("[" * (MAX_DEPTH - 1) + "{}{}" + '"' + '\\"' * 500_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nul",
        "NaN",
        "Infinity",
        "-Infinity",
        "[1,]",
        "{a:1}",
        "01",
        "+1",
        ".5",
        "1.",
        "0x10",
        "'a'",
        '"\t"',
        '"\\x41"',
        '"\\u00"',
        '"a',
        "1 2",
        "\ufeff1",
        "\u00a01",
        "\u0661",
    ],
)
def test_refuses_what_json_parse_refuses(text: str) -> None:
    with pytest.raises(InvalidJsonError):
        js_parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740991", MAX_SAFE_INTEGER),
        ("9007199254740993", 2.0**53),
        ("-9007199254740993", -(2.0**53)),
        ("1e400", math.inf),
        ("-1e400", -math.inf),
        ("9" * 5000, math.inf),
        ("1e-400", 0.0),
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"__proto__":{"x":1}}', {"__proto__": {"x": 1}}),
        ('"\\ud83d\\udc19"', "🐙"),
        ('"\\ud800"', "\ud800"),
        (" \t\r\n[1]\n", [1]),
    ],
)
def test_reads_what_json_parse_reads(text: str, value: Any) -> None:
    assert js_parse(text) == value


def random_double(rng: random.Random) -> float:
    kind = rng.randrange(4)
    if kind == 0:
        (value,) = struct.unpack("<d", rng.randbytes(8))
        return value if math.isfinite(value) else 0.5
    if kind == 1:
        power = 10.0 ** rng.randint(-30, 30)
        return math.nextafter(power, rng.choice([-math.inf, math.inf])) * rng.choice([1, -1])
    if kind == 2:
        return round(rng.uniform(-1e6, 1e6), rng.randint(0, 8))
    return float(rng.randint(-(2**70), 2**70))


def random_text(rng: random.Random) -> str:
    alphabet = ['"', "\\", "/", "a", "é", "\x00", "\x1f", "\x7f", "\u2028", "\ufeff", "🐙"]
    alphabet += ["\ud800", "\udbff", "\udc00", "\udfff", "\n", "[", "{", "e\u0301"]
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(8)))


def random_key(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return random_text(rng)
    return rng.choice(["", "0", "-"]) * rng.randrange(2) + str(
        rng.randrange(2**33) >> rng.randrange(33)
    )


def random_value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(8 if depth < 4 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randint(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) >> rng.randrange(54)
    if kind in (2, 3):
        return random_double(rng)
    if kind in (4, 5):
        return random_text(rng)
    if kind == 6:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {random_key(rng): random_value(rng, depth + 1) for _ in range(rng.randrange(6))}


def test_node_writes_the_same_text_and_reads_the_same_value(ask_node: Any) -> None:
    rng = random.Random(20260105)
    values = [random_value(rng) for _ in range(4000)]
    # json.dumps carries the value to Node; which text Node makes of it is its own affair.
    answers = ask_node([{"op": "restringify", "text": json.dumps(value)} for value in values])
    for value, theirs in zip(values, answers, strict=True):
        assert js_stringify(value) == theirs
        assert js_stringify(js_parse(theirs)) == theirs
        # Node joins the halves of a pair that Python kept apart; apart from that, nothing changes.
        assert js_parse(theirs) == json.loads(json.dumps(value))


def mutated(text: str, rng: random.Random) -> str:
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(text) + 1)
        junk = rng.choice(
            ["", "0", "e", "-", ".", ",", "[", "]", '"', "\\", "\\u", "NaN", " ", "é"]
        )
        text = text[:place] + junk + text[place + rng.randrange(2) :]
    return text


def test_node_refuses_the_same_texts(ask_node: Any) -> None:
    rng = random.Random(20260106)
    texts = [mutated(json.dumps(random_value(rng, 3)), rng) for _ in range(4000)]
    answers = ask_node([{"op": "restringify", "text": text} for text in texts])
    accepted = 0
    for text, theirs in zip(texts, answers, strict=True):
        if theirs is None:
            with pytest.raises(InvalidJsonError):
                js_parse(text)
        elif (ours := js_parse(text)) not in (math.inf, -math.inf):
            accepted += 1
            assert js_stringify(finite(ours)) == theirs
    assert 400 < accepted < 3600


def finite(value: Any) -> Any:
    """Replace infinities by null, as JSON.stringify does."""
    if isinstance(value, list):
        return [finite(element) for element in value]
    if isinstance(value, dict):
        return {key: finite(element) for key, element in value.items()}
    return None if value in (math.inf, -math.inf) else value
