from typing import Literal

import pytest
from pydantic import Field

from mana_lab.errors import InvalidInputError, ToolInputError
from mana_lab.registry import (
    CalendarDate,
    Done,
    HexColor,
    Integer,
    PositiveInteger,
    Table,
    ToolContext,
    ToolInput,
    UtcTime,
    Uuid,
    tool,
)


class Part(ToolInput):
    """A part of the arguments."""

    text: str = Field(min_length=1, description="A text")


class Given(ToolInput):
    """One field of every kind."""

    id: Uuid | None = Field(None, description="An id")
    title: str = Field(min_length=1, max_length=5, description="A title", examples=["Hi"])
    level: Literal["low", "high"] = Field("low", description="A level")
    limit: Integer = Field(5, ge=1, le=10, description="A limit")
    most: Integer = Field(5, le=10, description="A number")
    count: PositiveInteger | None = Field(None, description="A count")
    color: HexColor = Field("#000000", description="A color")
    due: UtcTime | None = Field(None, description="A time")
    day: CalendarDate = Field(default_factory=str, description="A day")
    flag: bool = Field(False, description="A flag")
    tags: list[str] = Field([], description="Tags")
    parts: list[Part] = Field([], description="Parts")
    scores: dict[str, int] = Field({}, description="Scores")
    always: Literal[1] = Field(1, description="One")
    hidden: str | None = Field(None, max_length=5, description="Encrypted")
    name: str = Field("", min_length=0, description="A name")


@tool("test.take", policy_hint="read", tables=(Table("a", "b", encrypted=("hidden",)),))
async def take(_given: Given, _ctx: ToolContext) -> Done:
    """Take arguments."""
    return Done()


@tool("test.open", policy_hint="read")
async def take_openly(_given: Given, _ctx: ToolContext) -> Done:
    """Take arguments; nothing is encrypted."""
    return Done()


@tool("test.none", policy_hint="read")
async def take_nothing(_given: Part, _ctx: ToolContext) -> Done:
    """Take one argument."""
    return Done()


def refused(arguments, spec=take):
    with pytest.raises(ToolInputError) as caught:
        spec.parse(arguments)
    return caught.value


REFUSALS = {
    "enum": (
        {"title": "a", "level": "mid"},
        "level",
        'string "mid"',
        'one of "low", "high"',
    ),
    "missing": (
        {},
        "title",
        "nothing",
        'a string of 1 to 5 characters, such as "Hi"',
    ),
    "type": ({"title": 7}, "title", "integer 7", 'a string of 1 to 5 characters, such as "Hi"'),
    "null": ({"title": "a", "flag": None}, "flag", "null", "true or false"),
    "number text": (
        {"title": "a", "limit": "5"},
        "limit",
        'string "5"',
        "an integer from 1 to 10, such as 1",
    ),
    "fraction": (
        {"title": "a", "limit": 5.5},
        "limit",
        "number 5.5",
        "an integer from 1 to 10, such as 1",
    ),
    "boolean": (
        {"title": "a", "count": True},
        "count",
        "boolean true",
        "an integer above 0 or null, such as 1",
    ),
    "too big": (
        {"title": "a", "most": 11},
        "most",
        "integer 11",
        "an integer of at most 10, such as 1",
    ),
    "unsafe": (
        {"title": "a", "count": 2**53},
        "count",
        "integer 9007199254740992",
        "an integer above 0 or null, such as 1",
    ),
    "pattern": (
        {"title": "a", "color": "red"},
        "color",
        'string "red"',
        'a string that matches ^#[0-9a-fA-F]{6}$, such as "#6366f1"',
    ),
    "day": (
        {"title": "a", "day": "2026-02-30"},
        "day",
        'string "2026-02-30"',
        'a calendar date, such as "2026-01-05"',
    ),
    "item": (
        {"title": "a", "tags": ["x", None]},
        "tags[1]",
        "null",
        'a string, such as "some text"',
    ),
    "list": (
        {"title": "a", "tags": "x"},
        "tags",
        'string "x"',
        'a list of a string, such as ["some text"]',
    ),
    "deep": (
        {"title": "a", "parts": [{"text": ""}]},
        "parts[0].text",
        'string ""',
        'a string of at least 1 characters, such as "some text"',
    ),
    "map": (
        {"title": "a", "scores": {"x": "y"}},
        "scores.x",
        'string "y"',
        "an integer, such as 1",
    ),
    "const": ({"title": "a", "always": 2}, "always", "integer 2", "1"),
    "all": ([1], "", "list", 'an object, such as {"title": "Hi"}'),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_names_the_path_what_was_got_and_what_is_expected(case):
    arguments, path, got, expected = REFUSALS[case]
    error = refused(arguments)
    assert (error.path, error.got, error.expected) == (path, got, expected)
    assert error.message.startswith("test.take: ")
    assert f"must be {expected}, but got {got}" in error.message
    assert (error.code, error.kind) == ("invalid-arguments", "invalid-input")
    assert isinstance(error, InvalidInputError)


def test_an_unknown_argument_is_answered_with_the_known_ones():
    error = refused({"text": "x", "texts": 1}, take_nothing)
    assert error.message == (
        'test.none: "texts" (integer 1) is not an argument; expected "text", or only text.'
    )
    assert (error.path, error.got, error.expected) == ("texts", "integer 1", '"text", or only text')


def test_a_misspelt_argument_is_told_before_the_one_that_is_missing_for_it():
    error = refused({"titel": "a"})
    assert error.path == "titel"
    assert 'expected "title", or only id, title' in error.message
    assert error.message.endswith("(also wrong: title).")


def test_python_names_are_not_wire_names():
    class Camel(ToolInput):
        """Two words."""

        due_date: str = Field("", description="When")

    @tool("test.camel", policy_hint="read")
    async def camel(_given: Camel, _ctx: ToolContext) -> Done:
        """Take a date."""
        return Done()

    assert camel.parse({"dueDate": "x"}).due_date == "x"
    assert '"dueDate"' in refused({"due_date": "x"}, camel).expected


@pytest.mark.parametrize(
    "arguments",
    [
        {"title": "private words" * 100, "hidden": "private words"},
        {"title": "a", "hidden": "private words"},
        {"title": "a", "hidden": ["private words"]},
        {"title": "a", "hiden": "private words"},
        "private words",
    ],
    ids=["both", "too long", "wrong type", "misspelt", "no object"],
)
def test_the_value_of_an_encrypted_field_is_not_repeated(arguments):
    assert "private words" not in refused(arguments).message.partition('"title"')[0]
    assert "private" not in refused(arguments).got or refused(arguments).path == "title"


@pytest.mark.parametrize(
    "arguments",
    [
        {"title": "ä" * 100_000},
        {"title": "a", "tags": [["x" * 1000] * 1000]},
        {"title": "a", "k" * 100_000: 1},
        {f"key {n}": n for n in range(1000)},
        {"title": 10**5000},
        {"title": float("nan")},
        {"title": "\x1b[2J\ud800"},
        {"title": "a", "x\n\x1b": 1},
        {"title": object()},
        "x" * 100_000,
    ],
    ids=[
        "long text", "long list", "long name", "many names", "huge number", "nan", "control",
        "control in a name", "no json", "no object",
    ],
)  # fmt: skip
def test_a_refusal_is_one_short_printable_sentence(arguments):
    error = refused(arguments, take_openly)
    assert len(error.message) <= 400
    assert len(error.got) <= 80
    assert error.message.isprintable()
    assert error.message.endswith(".")
    error.message.encode("utf-8")


def test_a_deeply_nested_argument_is_refused_like_any_other():
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert refused({"title": nested}, take_openly).path == "title"


@pytest.mark.parametrize("limit", [1, 10, 5.0])
def test_json_does_not_tell_five_from_five_point_nought(limit):
    assert take.parse({"title": "a", "limit": limit}).limit == int(limit)


@pytest.mark.parametrize(
    "due",
    [
        "2026-01-05T09:00:00Z",
        "2026-01-05T09:00:00.1Z",
        "2026-01-05T09:00:00.123456789123Z",
        "2024-02-29T23:59:59Z",
    ],
)
def test_a_time_in_utc_is_kept_as_it_is_written(due):
    assert take.parse({"title": "a", "due": due}).due == due


@pytest.mark.parametrize(
    "due",
    [
        "2026-01-05",
        "2026-01-05T09:00:00",
        "2026-01-05T09:00:00+01:00",
        "2026-01-05T09:00Z",
        "2026-01-05t09:00:00z",
        "2026-01-05 09:00:00Z",
        "2026-02-29T09:00:00Z",
        "2026-01-05T24:00:01Z",
        "2026-01-05T09:00:60Z",
        "2026-01-05T09:00:00.Z",
        "\uff12\uff10\uff12\uff16-01-05T09:00:00Z",
        "2026-01-05T09:00:00Z\n",
        "20260105T090000Z",
    ],
)
def test_what_is_no_time_in_utc_is_refused(due):
    assert refused({"title": "a", "due": due}).path == "due"


@pytest.mark.parametrize(
    ("id", "accepted"),
    [
        ("0B4CF1D2-7f0c-4c39-9d2e-5a8f3b6c1e70", True),
        ("00000000-0000-0000-0000-000000000000", True),
        ("0b4cf1d27f0c4c399d2e5a8f3b6c1e70", False),
        ("{0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70}", False),
        ("urn:uuid:0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70", False),
        ("0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e7g", False),
    ],
)
def test_an_id_is_the_text_of_a_uuid(id, accepted):
    if accepted:
        assert take.parse({"title": "a", "id": id}).id == id
    else:
        assert refused({"title": "a", "id": id}).path == "id"
