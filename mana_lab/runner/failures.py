"""What a failed MCP call means, in the terms of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
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

_KINDS: dict[str, type[ManaLabError]] = {
    "invalid-input": InvalidInputError,
    "refused": RefusedError,
    "not-found": NotFoundError,
    "conflict": ConflictError,
    "infrastructure": InfrastructureError,
}


def error_from_result(result: CallToolResult) -> CallError:
    """Read the failure that a tool reports in its result."""
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    message = " ".join(texts) or "the tool failed without saying why"
    return _read((result.meta or {}).get(ERROR_META), message, InfrastructureError)


def error_from_mcp(error: MCPError) -> CallError:
    """Read the failure of a whole request: refused, unknown tool, unreachable, timed out."""
    if error.code == INVALID_PARAMS:
        fallback: type[ManaLabError] = UnknownToolError
    elif error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
        fallback = ServiceUnavailableError
    else:
        fallback = ProtocolError
    return _read(error.data, error.message, fallback)


def error_from_library(error: ManaLabError) -> CallError:
    """Turn one of our own errors into a call's failure."""
    return CallError(error.code, error.kind, error.message)


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
        message=message,
        path=None if path in (None, "") else str(path),
    )


def _kind(stated: Any, known: type[ManaLabError]) -> ErrorKind:
    for kind in get_args(ErrorKind):
        if kind == stated:
            return kind  # type: ignore[no-any-return]
    return known.kind
