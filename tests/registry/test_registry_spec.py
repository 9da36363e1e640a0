from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, RootModel

from mana_lab.errors import InvalidInputError, InvalidOutputError
from mana_lab.registry import Done, Table, ToolContext, ToolInput, ToolOutput, ToolSpec, tool


class Given(ToolInput):
    title: str = Field(description="A title")


class Step(ToolOutput):
    title: str = ""


class Found(ToolOutput):
    """Words for the reader of the code."""

    steps: list[Step] = Field([])
    note: str | None = None


async def handle(_given: Given, _ctx: ToolContext) -> Found:
    return Found()


def spec(**changes: Any) -> ToolSpec[Any, Any]:
    said: dict[str, Any] = {
        "name": "test.find",
        "description": "Find steps.",
        "input": Given,
        "output": Found,
        "handler": handle,
        "policy_hint": "read",
    }
    return ToolSpec(**(said | changes))


@pytest.mark.parametrize("name", ["a.b", "habits.create", "me.listReferenceImages", "x1.y2"])
def test_a_name_is_a_module_and_a_verb(name):
    assert spec(name=name).module == name.split(".")[0]


@pytest.mark.parametrize(
    "name",
    ["", "habits", "habits.", ".create", "Habits.create", "habits.Create", "habits.log.all",
     "habits.log-all", "habits.log_all", "habits create", "habits.créate", "habits.create\n",
     "1.a"],
)  # fmt: skip
def test_any_other_name_is_refused(name):
    with pytest.raises(InvalidInputError, match="not a tool name"):
        spec(name=name)


def test_a_tool_without_a_description_is_refused():
    with pytest.raises(InvalidInputError, match="no description"):
        spec(description=" ")


def test_every_input_field_needs_a_description():
    class Inner(ToolInput):
        deep: int

    class Silent(ToolInput):
        title: str
        inner: list[Inner] | None = Field(None, description="Said")

    with pytest.raises(InvalidInputError, match=r"no description for title, inner\.deep"):
        spec(input=Silent)


def test_models_that_let_undeclared_fields_pass_are_refused():
    class Lax(BaseModel):
        title: str = Field(description="A title")

    class Around(ToolOutput):
        inner: Lax

    with pytest.raises(InvalidInputError, match="the input must have extra='forbid'"):
        spec(input=Lax)
    with pytest.raises(InvalidInputError, match="the output inner must have extra='forbid'"):
        spec(output=Around)


def test_input_and_output_are_objects():
    with pytest.raises(InvalidInputError, match="the output must be one object"):
        spec(output=RootModel[list[str]])


def test_a_model_that_contains_itself_is_refused():
    class Tree(ToolOutput):
        children: list["Tree"] = Field([])

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    with pytest.raises(InvalidInputError, match="contains itself"):
        spec(output=Tree)


def test_the_output_schema_stands_alone_and_requires_what_is_always_sent():
    assert spec().output_schema() == {
        "type": "object",
        "additionalProperties": False,
        "required": ["steps", "note"],
        "properties": {
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "steps": {
                "type": "array",
                "default": [],
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["title"],
                    "properties": {"title": {"type": "string", "default": ""}},
                },
            },
        },
    }


def test_defaults_are_required_in_output_whatever_the_model_is_configured_to():
    class Plain(BaseModel):
        model_config = ConfigDict(extra="forbid")
        note: str | None = None

    assert spec(output=Plain).output_schema()["required"] == ["note"]


def test_the_input_schema_is_camel_case_and_valid():
    class Twice(ToolInput):
        target_per_day: Literal[1, 2] = Field(1, description="How often")

    schema = spec(input=Twice).input_schema()
    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == ["targetPerDay"]
    assert "required" not in schema


def test_a_schema_that_was_handed_out_can_be_changed():
    one = spec()
    one.input_schema()["properties"].clear()
    assert list(one.input_schema()["properties"]) == ["title"]


def test_a_spec_cannot_be_changed():
    with pytest.raises(AttributeError):
        spec().name = "other.name"


def test_the_decorator_reads_the_handler():
    @tool("test.try", policy_hint="write", tables=(Table("a", "b"),))
    async def attempt(_given: Given, _ctx: ToolContext) -> Done:
        """Try something
        twice.

        Example: {"title": "x"}
        """
        return Done()

    assert attempt == ToolSpec(
        "test.try",
        'Try something twice.\nExample: {"title": "x"}',
        Given,
        Done,
        attempt.handler,
        policy_hint="write",
        tables=(Table("a", "b"),),
    )
    assert repr(attempt) == "ToolSpec(test.try, write, user-space)"


def returning(result):
    async def handler(_given, _ctx):
        return result

    return spec(handler=handler)


async def test_no_arguments_are_an_empty_object(anna):
    class Nothing(ToolInput):
        pass

    async def handler(_given, _ctx):
        return Found(note="ran")

    quiet = spec(input=Nothing, handler=handler)
    assert (await quiet.run(None, anna.context())).note == "ran"


@pytest.mark.parametrize(
    ("result", "path"),
    [
        (Found.model_construct(steps="none", note=None), "steps"),
        (Found.model_construct(steps=[Step.model_construct(title=5)], note=None), "steps.0.title"),
        ({"note": "n", "more": 1}, "more"),
        (None, "the result"),
        (Step(title="a"), "title"),
    ],
    ids=["wrong type", "deep", "undeclared", "nothing", "another model"],
)
async def test_a_result_that_the_output_schema_does_not_allow_is_an_error(anna, result, path):
    with pytest.raises(InvalidOutputError, match=f"test.find .* allow: {path} "):
        await returning(result).run({"title": "x"}, anna.context())


async def test_a_stored_record_that_does_not_fit_is_an_error_that_does_not_show_it(anna):
    async def handler(_given, _ctx):
        return Found(steps=[Step.of({"title": ["private"], "more": 1})])

    with pytest.raises(InvalidOutputError) as refused:
        await spec(handler=handler).run({"title": "x"}, anna.context())
    assert "private" not in refused.value.message


async def test_what_a_handler_raises_comes_out_as_it_is(anna):
    class BrokenError(Exception):
        pass

    async def handler(_given, _ctx):
        raise BrokenError

    with pytest.raises(BrokenError):
        await spec(handler=handler).run({"title": "x"}, anna.context())
