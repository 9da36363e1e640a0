"""ToolSpec: everything there is to say about one tool, in one place.

MCP schemas, the personas' tool lists, argument checks and the audit of encrypted fields are all
read off it. A tool is declared with :func:`tool` on its handler.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError

from mana_lab.errors import InvalidInputError, InvalidOutputError
from mana_lab.registry.arguments import refusal
from mana_lab.registry.context import ToolContext
from mana_lab.registry.names import is_tool_name
from mana_lab.registry.records import PolicyHint
from mana_lab.registry.schema import JsonSchema, open_objects, schema_of, undescribed
from mana_lab.registry.tables import Table

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)

Scope: TypeAlias = Literal["user-space", "admin"]


@dataclass(frozen=True, repr=False)
class ToolSpec(Generic[In, Out]):
    """One tool: its name, its words, its two models and what runs it.

    Attributes:
        name: ``module.verb``, each part a lower-case letter and then letters and digits.
        description: For the model that chooses: purpose, when not to use it, an example.
        input: What it takes. Refuses undeclared fields; every field has a description.
        output: What it returns. Refuses undeclared fields.
        handler: Runs it with validated input.
        policy_hint: ``read`` changes nothing; ``destructive`` takes something away for good.
        idempotent: Whether the same call again changes nothing more; reading always is.
        scope: ``admin`` tools are not exposed to users.
        reports_progress: Whether it takes long enough to say how far it is.
        tables: Every table that the handler touches; it can open no other.

    Raises:
        InvalidInputError: On construction, when one of these rules is broken.
    """

    name: str
    description: str
    input: type[In]
    output: type[Out]
    handler: Callable[[In, ToolContext], Awaitable[Out]]
    policy_hint: PolicyHint = field(kw_only=True)
    idempotent: bool = field(default=False, kw_only=True)
    scope: Scope = field(default="user-space", kw_only=True)
    reports_progress: bool = field(default=False, kw_only=True)
    tables: tuple[Table, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.policy_hint == "read":
            object.__setattr__(self, "idempotent", True)
        if not is_tool_name(self.name):
            raise InvalidInputError(
                f"{self.name[:80]!r} is not a tool name; expected module.verb, such as todo.create"
            )
        if not self.description.strip():
            raise InvalidInputError(f"{self.name} has no description")
        if missing := undescribed(self._input_schema):
            raise InvalidInputError(f"{self.name}: no description for {', '.join(missing)}")
        for side, schema in (("input", self._input_schema), ("output", self._output_schema)):
            if schema.get("type") != "object":
                raise InvalidInputError(f"{self.name}: the {side} must be one object")
            for path in open_objects(schema):
                where = f"{side} {path}".strip()
                raise InvalidInputError(f"{self.name}: the {where} must have extra='forbid'")

    @property
    def module(self) -> str:
        """The part of the name before the dot: which module of the app it belongs to."""
        return self.name.partition(".")[0]

    def input_schema(self) -> JsonSchema:
        """Return the JSON Schema of the arguments; no references, yours to change."""
        return copy.deepcopy(self._input_schema)

    def output_schema(self) -> JsonSchema:
        """Return the JSON Schema of the result; no references, yours to change."""
        return copy.deepcopy(self._output_schema)

    def parse(self, arguments: Any) -> In:
        """Return the validated *arguments*; None counts as no arguments.

        Raises:
            ToolInputError: They are not what the input schema says.
        """
        try:
            return self.input.model_validate({} if arguments is None else arguments)
        except ValidationError as error:
            private = {name for table in self.tables for name in table.encrypted}
            raise refusal(self.name, self._input_schema, error, private) from None

    async def run(self, arguments: Any, ctx: ToolContext) -> Out:
        """Validate *arguments*, run the handler for the caller of *ctx*, validate what it returns.

        Raises:
            ToolInputError: The arguments are not what the input schema says.
            InvalidOutputError: The result is not what the output schema says.
        """
        given = self.parse(arguments)
        bounded = ctx.bounded(self.tables, self.policy_hint, self.name)
        try:
            result: Any = await self.handler(given, bounded)
            if isinstance(result, BaseModel):
                result = result.model_dump(mode="json", by_alias=True, warnings=False)
            return self.output.model_validate(result)
        except ValidationError as error:
            raise _bad_output(self.name, error) from error

    @cached_property
    def _input_schema(self) -> JsonSchema:
        return schema_of(self.input, "validation")

    @cached_property
    def _output_schema(self) -> JsonSchema:
        return schema_of(self.output, "serialization")

    def __repr__(self) -> str:
        return f"ToolSpec({self.name}, {self.policy_hint}, {self.scope})"


def tool(
    name: str,
    *,
    policy_hint: PolicyHint,
    idempotent: bool = False,
    scope: Scope = "user-space",
    reports_progress: bool = False,
    tables: tuple[Table, ...] = (),
) -> Callable[[Callable[[In, ToolContext], Awaitable[Out]]], ToolSpec[In, Out]]:
    """Make a :class:`ToolSpec` of the handler below it.

    Its input and output are the handler's annotations. Its description is the docstring, with one
    line for every paragraph of it.

    Raises:
        InvalidInputError: As for :class:`ToolSpec`.
    """

    def declare(handler: Callable[[In, ToolContext], Awaitable[Out]]) -> ToolSpec[In, Out]:
        hints = get_type_hints(handler)
        taken = next(iter(inspect.signature(handler).parameters))
        return ToolSpec(
            name,
            _unwrapped(handler.__doc__ or ""),
            hints[taken],
            hints["return"],
            handler,
            policy_hint=policy_hint,
            idempotent=idempotent,
            scope=scope,
            reports_progress=reports_progress,
            tables=tables,
        )

    return declare


def _unwrapped(docstring: str) -> str:
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _bad_output(tool_name: str, error: ValidationError) -> InvalidOutputError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"]) or "the result"
    return InvalidOutputError(
        f"{tool_name} had a result that its output schema does not allow: {path[:120]} "
        f"({first['type']})"
    )
