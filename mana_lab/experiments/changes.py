"""Changes: what of the app can be varied, each as a variant of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from mcp.types import Tool
from pydantic import JsonValue

from mana_lab.checks import check_share, check_text, got, is_number, texts_of
from mana_lab.crypto import canonical_hash
from mana_lab.errors import InvalidInputError, ManaLabError
from mana_lab.gateway.calls import IDEMPOTENCY_META, Call
from mana_lab.gateway.results import LATENCY_META
from mana_lab.gateway.variants import Around, Proceed, Variant
from mana_lab.registry import Registry

LONGEST_S: Final = 3_600.0
_LONGEST_TEXT = 10_000

Wording: TypeAlias = Mapping[str, str] | Callable[[str, str], str]
"""New messages by error code, or what makes one of the code and the old message."""
Pause: TypeAlias = Callable[[float], Awaitable[object]]
"""Waits so many seconds."""


class Changes:
    """Makes variants of the app; join them with ``|``.

    Tools are given by name, such as ``todo.create``, or a module's all at once, such as ``todo``.

    Args:
        registry: The tools that there are.
        pause: Waits for what is slow; None where time is simulated: then an answer says how much
            longer it would have taken, and the audit counts that in.
    """

    def __init__(self, registry: Registry, pause: Pause | None = asyncio.sleep) -> None:
        self._registry = registry
        self._pause = pause

    def description(
        self, tool: str, text: str, *, arguments: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Variant:
        """Let a tool say something else of itself.

        Args:
            tool: Its name.
            text: What it says that it does.
            arguments: What it says of its arguments, by name: members of their JSON Schema, such
                as ``{"due": {"description": "…", "format": "date-time"}}``. What is really taken
                stays as it is.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: The text is empty or longer than 10,000 characters, or the tool has
                no such argument.
        """
        check_text(tool, "tool")
        check_text(text, "text")
        _check_told(arguments)
        schema: Mapping[str, Any] = self._registry.get(tool).input_schema()
        there: Any = schema.get("properties", {})
        told: dict[str, Any] = {name: dict(given) for name, given in (arguments or {}).items()}
        if not 0 < len(text.strip()) <= _LONGEST_TEXT:
            raise InvalidInputError(
                f"a description has 1 to {_LONGEST_TEXT} characters, got {len(text)}"
            )
        for name in told:
            if name not in there:
                known = ", ".join(there) or "none"
                raise InvalidInputError(f"{tool} has no argument {name[:80]!r}; it has {known}")
        properties: Any = {name: {**there[name], **told.get(name, {})} for name in there}
        changed = {**schema, "properties": properties}

        def describe(listed: Tool) -> Tool:
            if listed.name != tool:
                return listed
            return listed.model_copy(update={"description": text, "input_schema": changed})

        digest = digest_of({"text": text, "arguments": told})
        return Variant(f"{tool} described otherwise ({digest})", describe, tools=(tool,))

    def wording(self, words: Wording, *tools: str) -> Variant:
        """Let errors say something else; what fails, and with which code, stays the same.

        Args:
            words: New messages by code, or what makes one of the code and the old message.
            tools: Whose errors; those of all tools when none is given.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: *words* is neither.
        """
        if not callable(words) and not _are_texts(words):
            raise InvalidInputError(
                f"got {got(words)}; allowed: new messages by error code, such as "
                "{'not-found': '…'}, or a function of code and message"
            )

        def reword(code: str, message: str) -> str:
            return words(code, message) if callable(words) else words.get(code, message)

        async def around(_: Call, proceed: Proceed) -> dict[str, Any]:
            try:
                return await proceed()
            except ManaLabError as error:
                message = reword(error.code, error.message)
                error.args = (message,)
                error.message = message
                raise

        said = _called(words) if callable(words) else digest_of(dict(words))
        whose = f" of {', '.join(map(str, tools))}" if tools else ""
        return self._around(f"errors{whose} worded otherwise ({said})", tools, around)

    def unavailable(self, *tools: str) -> Variant:
        """Take tools away: they are neither listed nor known.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: None was given.
        """
        gone = self._named(tools)

        def describe(listed: Tool) -> Tool | None:
            return None if listed.name in gone else listed

        return Variant(f"without {', '.join(tools)}", describe, tools=gone)

    def latency(self, *tools: str, seconds: float, rate: float = 1.0) -> Variant:
        """Let answers take longer.

        Args:
            tools: Whose answers.
            seconds: How much longer, up to an hour.
            rate: Which share of the calls.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: *seconds* or *rate* is out of range, or no tool was given.
        """
        if not is_number(seconds) or not 0 < seconds <= LONGEST_S:
            raise InvalidInputError(
                f"got {got(seconds)} s; it is above 0 and at most {LONGEST_S:g}"
            )
        chance = Chance(rate, f"latency {seconds}")

        async def around(call: Call, proceed: Proceed) -> dict[str, Any]:
            if not chance.of(call):
                return await proceed()
            if self._pause is not None:
                await self._pause(seconds)
                return await proceed()
            answer = await proceed()
            meta = {**answer.get("_meta", {}), LATENCY_META: seconds * 1000}
            return {**answer, "_meta": meta}

        self._named(tools)
        return self._around(f"{', '.join(tools)} {seconds:.12g} s slower{chance}", tools, around)

    def around(self, middleware: Around, *tools: str, name: str | None = None) -> Variant:
        """Put any callable around the work of tools.

        It is an async function of the call and of what does it: it may wait, answer otherwise, or
        raise a :class:`~mana_lab.errors.ManaLabError`. Policy and audit come before it.

        Args:
            middleware: The callable.
            tools: Around which tools; around all when none is given.
            name: What to call it; by default what the callable is called, and the tools.

        Raises:
            UnknownToolError: There is no such tool.
            InvalidInputError: *middleware* cannot be called, or *name* is no text.
        """
        if not callable(middleware):
            raise InvalidInputError(
                f"got {got(middleware)}; allowed: an async function of the call and of what does it"
            )
        if name is not None:
            check_text(name, "name")
        where = f" around {', '.join(map(str, tools))}" if tools else ""
        return self._around(name or f"{_called(middleware)}{where}", tools, middleware)

    def _around(self, name: str, tools: tuple[str, ...], around: Around) -> Variant:
        chosen = self._named(tools) if tools else ()

        async def only(call: Call, proceed: Proceed) -> dict[str, Any]:
            if chosen and call.name not in chosen:
                return await proceed()
            return await around(call, proceed)

        return Variant(name, around=only, tools=chosen)

    def _named(self, tools: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of tools, of which some may be given by their module."""
        if not tools:
            raise InvalidInputError("name at least one tool, such as todo.create, or a module")
        names = texts_of(tools, "tools", "todo.create")
        modules: dict[str, list[str]] = {}
        for spec in self._registry:
            modules.setdefault(spec.module, []).append(spec.name)
        return tuple(
            name
            for given in names
            for name in modules.get(given) or [self._registry.get(given).name]
        )


def digest_of(value: JsonValue) -> str:
    """Return what tells a text or other JSON from others within the name of a variant."""
    return canonical_hash(value)[:8]


def _called(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))


def _are_texts(words: object) -> bool:
    return isinstance(words, Mapping) and all(
        isinstance(each, str) for pair in words.items() for each in pair
    )


def _check_told(arguments: object) -> None:
    known = {} if arguments is None else arguments
    if not isinstance(known, Mapping) or not all(
        isinstance(name, str) and isinstance(told, Mapping) for name, told in known.items()
    ):
        raise InvalidInputError(
            f"arguments: got {got(arguments)}, allowed: members of a JSON Schema by the argument's "
            "name, such as {'due': {'description': '…'}}"
        )


class Chance:
    """Decides of each call whether it is among a share of them; of the same call always alike.

    Args:
        rate: The share, above 0 and up to 1.
        what: What is decided, so that two of them decide apart.

    Raises:
        InvalidInputError: *rate* is out of range.
    """

    def __init__(self, rate: float, what: str) -> None:
        check_share(rate, "rate")
        self._rate = rate
        self._what = what

    def of(self, call: Call) -> bool:
        """Tell whether a call is among them; of calls without a key by their input alone."""
        key = call.meta.get(IDEMPOTENCY_META) or canonical_hash(dict(call.arguments or {}))
        said = hashlib.sha256(f"{self._what}/{call.name}/{key}".encode()).digest()
        return int.from_bytes(said[:8]) < self._rate * 2**64

    def __str__(self) -> str:
        return "" if self._rate == 1 else f" in {self._rate * 100:.12g}% of calls"
