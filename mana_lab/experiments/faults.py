"""Faults: defects to plant, to see who notices them and whether the analysis finds them."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from mana_lab.checks import check_text, got, texts_of
from mana_lab.errors import InvalidInputError, error_classes
from mana_lab.experiments.changes import Chance, Changes, digest_of
from mana_lab.gateway.calls import Call
from mana_lab.gateway.variants import Proceed, Variant

_CODES = {
    "invalid-arguments": "the arguments cannot be taken",
    "not-found": "there is no such thing",
    "conflict": "that was changed in the meantime",
    "forbidden": "you may not do that",
    "service-unavailable": "something went wrong; try again later",
}


class Faults(Changes):
    """Makes defects; those of :class:`Changes` (late, gone, misleading) are among them."""

    def errors(
        self,
        *tools: str,
        code: str = "service-unavailable",
        message: str | None = None,
        rate: float = 1.0,
    ) -> Variant:
        """Let calls fail without having done anything.

        Args:
            tools: Which tools.
            code: With which of this library's errors, such as ``not-found``.
            message: What it says; something usual by default.
            rate: Which share of the calls.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: There is no error of that code, *rate* is out of range, or no tool
                was given.
        """
        known = error_classes().get(code) if isinstance(code, str) else None
        if known is None:
            raise InvalidInputError(
                f"there is no error {got(code)}; take one such as {', '.join(_CODES)}"
            )
        if message is not None:
            check_text(message, "message")
        usual = _CODES.get(code, "this did not work")
        said = message or usual
        chance = Chance(rate, code)

        async def around(call: Call, proceed: Proceed) -> dict[str, Any]:
            if chance.of(call):
                raise known(said)
            return await proceed()

        self._named(tools)
        worded = "" if said == usual else f" ({digest_of(said)})"
        return self._around(f"{', '.join(tools)} fails with {code}{worded}{chance}", tools, around)

    def missing(self, *fields: str, tool: str, rate: float = 1.0) -> Variant:
        """Leave fields out of a tool's answer, at any depth.

        Args:
            fields: Their names, as the tool's output schema has them.
            tool: The tool.
            rate: Of which share of the answers.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: The answer has no such field, none was given, or *rate* is out of
                range.
        """
        check_text(tool, "tool")
        there = _names_in(self._registry.get(tool).output_schema())
        for name in texts_of(fields, "fields", "id") or [""]:
            if name not in there:
                known = ", ".join(sorted(there))
                raise InvalidInputError(f"{tool} answers no field {name[:80]!r}; it has {known}")
        chance = Chance(rate, f"without {fields}")

        async def around(call: Call, proceed: Proceed) -> dict[str, Any]:
            answer = await proceed()
            if not chance.of(call) or "structuredContent" not in answer:
                return answer
            return _answering(answer, _without(answer["structuredContent"], set(fields)))

        return self._around(f"{tool} answers without {', '.join(fields)}{chance}", (tool,), around)

    def stale(self, *tools: str) -> Variant:
        """Let tools that only read answer as they did the first time.

        So does a cache that nobody clears: each user is told again and again what the tool told
        them first in that space, whatever they ask it for. What was answered is remembered as long
        as this variant is.

        Args:
            tools: Which tools; of a module, those that only read.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: A tool that was named writes, or none was given.
        """
        reading = []
        for name in self._named(tools):
            if self._registry.get(name).policy_hint == "read":
                reading.append(name)
            elif name in tools:
                raise InvalidInputError(f"{name} does not only read; only reads can be stale")
        if not reading:
            raise InvalidInputError(f"no tool of {', '.join(tools)} only reads")
        told: dict[str, dict[str, Any]] = {}

        async def around(call: Call, proceed: Proceed) -> dict[str, Any]:
            key = f"{call.principal.user_id} {call.space.id} {call.name}"
            if key not in told:
                told[key] = await proceed()
            return told[key]

        return self._around(f"{', '.join(tools)} stale", tuple(reading), around)


def _names_in(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_names_in, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {})) if isinstance(schema.get("properties"), dict) else set()
    return own.union(*map(_names_in, schema.values()))


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        return [_without(each, names) for each in value]
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return value


def _answering(answer: dict[str, Any], data: Any) -> dict[str, Any]:
    content = [{"text": to_json(data).decode(), "type": "text"}]
    return {**answer, "content": content, "structuredContent": data}
