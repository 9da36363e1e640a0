"""Counts: how often each tool, persona and error failed, was retried, recovered and abandoned."""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.columns import Kind
from mana_lab.analysis.friction.calls import SOON, calls_with_outcomes, failures
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.friction.wilson import INTERVAL, share_with_interval

_KINDS: Final = ("invalid-input", "refused", "not-found", "conflict", "infrastructure")
_WHICH: Final = "coalesce(error_kind, '') AS error_kind, coalesce(error_code, '') AS error_code"
_COUNTS: Final = ", ".join(
    [
        "count(*) AS calls",
        "count(*) FILTER (failed) AS errors",
        *(
            f"count(*) FILTER (failed AND error_kind = '{kind}') AS \"{kind.replace('-', '_')}\""
            for kind in _KINDS
        ),
        "count(*) FILTER (failed AND error_code = 'unknown-tool') AS unknown_tool",
        "count(*) FILTER (failed AND error_code = 'invalid-arguments') AS bad_arguments",
        "count(*) FILTER (retried) AS retries",
        "count(*) FILTER (recovered) AS recoveries",
        "count(*) FILTER (abandoned) AS abandonments",
    ]
)
_RATES: Final = (
    f"{share_with_interval('errors', 'calls', 'error_rate')}, "
    "retries / nullif(errors, 0) AS retry_rate, "
    "recoveries / nullif(errors, 0) AS recovery_rate, "
    "abandonments / nullif(errors, 0) AS abandonment_rate"
)
_COUNT_FIELDS: Final[dict[str, tuple[Kind, str]]] = {
    "calls": ("integer", "How many calls."),
    "errors": ("integer", "How many of them failed."),
    **{
        kind.replace("-", "_"): ("integer", f"How many failed by an error of the kind {kind}.")
        for kind in _KINDS
    },
    "unknown_tool": ("integer", "How many failed because there is no such tool."),
    "bad_arguments": ("integer", "How many failed because their arguments were not right."),
    "retries": ("integer", f"After how many the tool was called again within {SOON} calls."),
    "recoveries": ("integer", "After how many the tool worked later in the tick."),
    "abandonments": ("integer", "After how many it did not."),
}
_RATE_FIELDS: Final[dict[str, tuple[Kind, str]]] = {
    "error_rate": ("number", "The share of the calls that failed, 0 to 1."),
    "error_rate_low": ("number", f"The lower limit {INTERVAL}."),
    "error_rate_high": ("number", f"The upper limit {INTERVAL}."),
    "retry_rate": ("number", "The share of the errors that were retried; missing without errors."),
    "recovery_rate": ("number", "The share of the errors that were recovered."),
    "abandonment_rate": ("number", "The share of the errors that were abandoned."),
}
_PERSONAS: Final[tuple[Kind, str]] = ("integer", "How many personas these are of.")
WHO_FIELDS: Final[dict[str, tuple[Kind, str]]] = {
    "persona": ("text", "The persona's name."),
    "email": ("text", "Their address, which no other persona has."),
    "archetype": ("text", "What kind of person they are."),
}
WHO: Final = (
    "any_value(persona) AS persona, any_value(email) AS email, any_value(archetype) AS archetype"
)
"""What is told of the persona where rows are grouped by ``persona_id``."""


def _tools(scope: Scope) -> str:
    counted = (
        f"SELECT {scope.by()} tool_name, {_COUNTS}, count(DISTINCT persona_id) AS personas"  # noqa: S608
        f" FROM ({calls_with_outcomes(scope)}) GROUP BY {scope.by()} tool_name"
    )
    return f"SELECT *, {_RATES} FROM ({counted})"  # noqa: S608


def _personas(scope: Scope) -> str:
    counted = (
        f"SELECT {scope.by()} {WHO}, tool_name, {_COUNTS}"  # noqa: S608
        f" FROM ({calls_with_outcomes(scope)}) GROUP BY {scope.by()} persona_id, tool_name"
    )
    return f"SELECT *, {_RATES} FROM ({counted})"  # noqa: S608


def _errors(scope: Scope) -> str:
    counted = (
        f"SELECT {scope.by()} tool_name, {_WHICH}, count(*) AS errors,"  # noqa: S608
        " count(DISTINCT persona_id) AS personas, count(*) FILTER (retried) AS retries,"
        " count(*) FILTER (recovered) AS recoveries, count(*) FILTER (abandoned) AS abandonments,"
        " coalesce(min_by(error_message, (occurred_at, persona, seq, id)), '') AS example"
        f" FROM ({failures(scope)}) GROUP BY ALL"
    )
    calls = f"SELECT {scope.by()} tool_name, count(*) AS calls FROM {scope.calls} GROUP BY ALL"  # noqa: S608
    return (
        f"SELECT e.*, calls, {share_with_interval('errors', 'calls', 'error_rate')}"  # noqa: S608
        f" FROM ({counted}) e JOIN ({calls}) c ON c.tool_name = e.tool_name{scope.same('c', 'e')}"
    )


def _error_recovery(scope: Scope) -> str:
    counted = (
        f"SELECT {scope.by()} {_WHICH}, count(*) AS errors,"  # noqa: S608
        f" count(*) FILTER (recovered_after <= {SOON}) AS recovered,"
        f" count(*) FILTER ((recovered_after <= {SOON}) IS NOT true AND then_tool IS NOT NULL)"
        " AS redirected,"
        " count(DISTINCT tool_name) AS tools, count(DISTINCT persona_id) AS personas"
        f" FROM ({failures(scope)}) GROUP BY ALL"
    )
    return f"SELECT *, {share_with_interval('recovered', 'errors', 'share')} FROM ({counted})"  # noqa: S608


TOOLS: Final = Definition(
    "friction_tools",
    {
        "tool_name": ("text", "The tool."),
        **_COUNT_FIELDS,
        "personas": _PERSONAS,
        **_RATE_FIELDS,
    },
    _tools,
    "error_rate DESC, calls DESC, tool_name",
)
PERSONAS: Final = Definition(
    "friction_personas",
    {**WHO_FIELDS, "tool_name": ("text", "The tool."), **_COUNT_FIELDS, **_RATE_FIELDS},
    _personas,
    "persona, email, error_rate DESC, calls DESC, tool_name",
)
ERRORS: Final = Definition(
    "friction_errors",
    {
        "tool_name": ("text", "The tool."),
        "error_kind": ("text", "The kind of the error; empty where nobody noted it."),
        "error_code": ("text", "Which error of that kind; empty where nobody noted it."),
        "calls": ("integer", "How many calls of the tool there were."),
        "errors": ("integer", "How many of them failed by it."),
        "personas": _PERSONAS,
        "retries": _COUNT_FIELDS["retries"],
        "recoveries": _COUNT_FIELDS["recoveries"],
        "abandonments": _COUNT_FIELDS["abandonments"],
        "error_rate": ("number", "The share of the calls of the tool that failed by it, 0 to 1."),
        "error_rate_low": _RATE_FIELDS["error_rate_low"],
        "error_rate_high": _RATE_FIELDS["error_rate_high"],
        "example": ("text", "What the app said, the earliest time."),
    },
    _errors,
    "errors DESC, personas DESC, tool_name, error_kind, error_code",
)
ERROR_RECOVERY: Final = Definition(
    "friction_error_recovery",
    {
        "error_kind": ("text", "The kind of the error; empty where nobody noted it."),
        "error_code": ("text", "Which error of that kind; empty where nobody noted it."),
        "errors": ("integer", "How many calls failed by it."),
        "recovered": ("integer", f"After how many the same tool worked within {SOON} calls."),
        "redirected": (
            "integer",
            "After how many others another tool did; one that does not exist can only be left.",
        ),
        "tools": ("integer", "Of how many tools."),
        "personas": _PERSONAS,
        "share": ("number", "The share of the errors that were recovered so soon, 0 to 1."),
        "share_low": ("number", f"The lower limit {INTERVAL}."),
        "share_high": ("number", f"The upper limit {INTERVAL}."),
    },
    _error_recovery,
    "share, errors DESC, error_kind, error_code",
)
