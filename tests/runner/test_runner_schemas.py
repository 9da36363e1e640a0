from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.schemas import choices, properties, required, shape, takes_id


class Everything(BaseModel):
    id: UUID
    parentId: str  # noqa: N815
    title: Annotated[str, Field(min_length=1)]
    priority: Literal["low", "high"] = "low"
    mood: Literal["glad", "sad"] | None = None
    dueDate: datetime | None = None  # noqa: N815
    entryDate: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None  # noqa: N815
    stamp: Annotated[str, Field(pattern=r"^\d{4}-.*T.*Z$")] | None = None
    day: date | None = None
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#6366f1"
    count: int | None = None
    share: float = 0.5
    pinned: bool = False
    tags: list[str] = []


class Inner(BaseModel):
    text: str


class Nested(BaseModel):
    inner: Inner
    kind: Literal["only"] = "only"


def tool(model, name="things.create"):
    return ToolInfo(name, "", model.model_json_schema())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("id", "id"),
        ("parentId", "id"),
        ("title", "text"),
        ("priority", "choice"),
        ("mood", "choice"),
        ("dueDate", "datetime"),
        ("entryDate", "date"),
        ("day", "date"),
        ("color", "color"),
        ("count", "number"),
        ("share", "number"),
        ("pinned", "flag"),
        ("tags", "list"),
    ],
)
def test_an_arguments_shape_is_read_from_its_schema(name, expected):
    assert shape(name, properties(tool(Everything))[name]) == expected


def test_null_is_no_choice():
    known = properties(tool(Everything))
    assert choices(known["mood"]) == ["glad", "sad"]
    assert choices({"enum": ["a", None]}) == ["a"]
    assert shape("n", {"type": ["null", "integer"]}) == "number"


def test_a_local_reference_is_followed():
    known = properties(tool(Nested))
    assert shape("inner", known["inner"]) == "object"
    assert known["inner"]["required"] == ["text"]
    assert choices(known["kind"]) == ["only"]


def test_a_tool_takes_an_id_if_it_needs_one():
    assert takes_id(tool(Everything))
    assert not takes_id(tool(Nested))
    assert required(ToolInfo("a.b", "", {"type": "object"})) == []
    assert properties(ToolInfo("a.b", "", {"type": "object"})) == {}
