"""What a failed MCP call means, in the terms of the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    CallToolResult,
    TextContent,
)

from mana_lab.errors import (
    ConflictError,
    ErrorKind,
    InfrastructureError,
    InvalidInputError,
    ManaLabError,
    NotFoundError,
    ProtocolError,
    RefusedError,
    ServiceUnavailableError,
    UnknownToolError,
    error_classes,
)
from mana_lab.runner.calls import CallError

ERROR_META = "how.mana/error"
"""Where a tool's failure says what it is: ``{code, kind, path?}``."""

_LONGEST_MESSAGE = 4_000
_KINDS: dict[str, type[ManaLabError]] = {
    "invalid-input": InvalidInputError,
    "refused": RefusedError,
    "not-found": NotFoundError,
    "conflict": ConflictError,
    "infrastructure": InfrastructureError,
}


Guess: TypeAlias = Callable[[str], type[ManaLabError]]
"""Tells by its message what a failure is that does not say so itself."""


def always(error: type[ManaLabError]) -> Guess:
    """Return the guess that does not look at the message."""
    return lambda _: error


@dataclass(frozen=True)
class Failures:
    """How the failures of one kind of app are read; what a failure says of itself comes first.

    Attributes:
        of_tool: What it is when a tool fails.
        of_params: What it is when a request's parameters are refused (JSON-RPC -32602).
        of_request: What it is when a request fails otherwise.
    """

    of_tool: Guess
    of_params: Guess
    of_request: Guess

    def from_result(self, result: CallToolResult) -> CallError:
        """Read the failure that a tool reports in its result."""
        texts = [block.text for block in result.content if isinstance(block, TextContent)]
        message = " ".join(texts) or "the tool failed without saying why"
        return _read((result.meta or {}).get(ERROR_META), message, self.of_tool(message))

    def from_mcp(self, error: MCPError) -> CallError:
        """Read the failure of a whole request: refused, unknown tool, unreachable, timed out."""
        if error.code == PARSE_ERROR:  # of the client: its message quotes the answer
            return self.from_library(ProtocolError("the server's answer is not one of MCP"))
        if error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
            guessed: type[ManaLabError] = ServiceUnavailableError
        elif error.code == INVALID_PARAMS:
            guessed = self.of_params(error.message)
        else:
            guessed = self.of_request(error.message)
        return _read(error.data, error.message, guessed)

    def from_library(self, error: ManaLabError) -> CallError:
        """Turn one of our own errors into a call's failure."""
        return CallError(error.code, error.kind, error.message)


GATEWAY = Failures(
    of_tool=always(InfrastructureError),
    of_params=always(UnknownToolError),
    of_request=always(ProtocolError),
)
"""The gateway states what a failure is; what is left is no fault of the caller."""


def as_exception(error: CallError) -> ManaLabError:
    """Return the exception that stands for a call's failure."""
    return error_classes().get(error.code, _KINDS[error.kind])(error.message)


def _read(details: Any, message: str, fallback: type[ManaLabError]) -> CallError:
    stated: Mapping[str, Any] = details if isinstance(details, Mapping) else {}
    code = stated.get("code")
    kind = stated.get("kind")
    path = stated.get("path")
    known = error_classes().get(str(code), fallback)
    return CallError(
        code=str(code) if code else known.code,
        kind=_kind(kind, known),
        message=message[:_LONGEST_MESSAGE],
        path=None if path in (None, "") else str(path),
    )


def _kind(stated: Any, known: type[ManaLabError]) -> ErrorKind:
    for kind in get_args(ErrorKind):
        if kind == stated:
            return kind  # type: ignore[no-any-return]
    return known.kind
