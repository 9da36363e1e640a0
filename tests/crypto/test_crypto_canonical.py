import hashlib

import pytest

from mana_lab.crypto import canonical_hash, canonical_json
from mana_lab.errors import UnserializableValueError


def test_the_example_of_rfc_8785():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical_json(value) == (
        '{"literals":[null,true,false],'
        '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_members_are_sorted_by_utf_16_code_units():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonical_json(dict.fromkeys(names, 0))
    in_order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert text == "{" + ",".join(f"{canonical_json(name)}:0" for name in in_order) + "}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740991, "9007199254740991"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (0.000001, "0.000001"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (1e-7, "1e-7"),
        (-3.25, "-3.25"),
        (100.0, "100"),
        (-12, "-12"),
    ],
)
def test_numbers_are_printed_as_ecmascript_prints_them(value, text):
    assert canonical_json(value) == text


def test_equal_arguments_have_equal_hashes_whatever_their_order_and_number_type():
    assert canonical_hash({"a": 1, "b": [2.0]}) == canonical_hash({"b": [2], "a": 1.0})
    assert canonical_hash({}) == hashlib.sha256(b"{}").hexdigest()
    assert canonical_hash({"a": 1}) != canonical_hash({"a": "1"})


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, {1: "a"}, 2**53, -(2**53), "\ud800", {"\udc00": 1}, b"x"],
    ids=repr,
)
def test_what_has_no_json_text_is_refused(value):
    with pytest.raises(UnserializableValueError):
        canonical_json({"value": value})


def test_a_bottomless_value_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(UnserializableValueError, match="deeper than 200"):
        canonical_json(value)


def test_a_text_that_looks_like_an_escape_is_text():
    assert canonical_json("\\ud800") == '"\\\\ud800"'
    with pytest.raises(UnserializableValueError, match="surrogate"):
        canonical_json("\\\ud800")
