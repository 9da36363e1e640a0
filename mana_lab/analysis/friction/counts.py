"""Counts: how often each tool, persona and error failed, was retried, recovered and abandoned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mana_lab.analysis.columns import Kind
from mana_lab.analysis.friction.calls import SOON, failures
from mana_lab.analysis.friction.definition import WHO_FIELDS, Definition, Scope
from mana_lab.analysis.friction.wilson import INTERVAL, share_with_interval

_KINDS: Final = ("invalid-input", "refused", "not-found", "conflict", "infrastructure")
_WHICH: Final = "coalesce(error_kind, '') AS error_kind, coalesce(error_code, '') AS error_code"
_OF_FAILURES: Final[Mapping[str, str]] = {
    "errors": "true",
    **{kind.replace("-", "_"): f"error_kind = '{kind}'" for kind in _KINDS},
    "unknown_tool": "error_code = 'unknown-tool'",
    "bad_arguments": "error_code = 'invalid-arguments'",
    "retries": "retried",
    "recoveries": "recovered",
    "abandonments": "abandoned",
}
"""What is counted of the failed calls: the columns and their conditions."""
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


def _tools(scope: Scope) -> str:
    counted = _counted(scope, "tool_name", more=", count(DISTINCT persona_id) AS personas")
    return f"SELECT *, {_RATES} FROM ({counted})"  # noqa: S608


def _personas(scope: Scope) -> str:
    counted = _counted(scope, "persona_id", "tool_name")
    return scope.named(f"SELECT *, {_RATES} FROM ({counted})")  # noqa: S608


def _counted(scope: Scope, *by: str, more: str = "") -> str:
    """Return the SQL of the counts by some columns: of all calls, and of the failed ones alone."""
    names = f"{scope.by()} {', '.join(by)}"
    whole = f"SELECT {names}, count(*) AS calls{more} FROM {scope.calls} GROUP BY {names}"  # noqa: S608
    counts = ", ".join(f"count(*) FILTER ({x}) AS {name}" for name, x in _OF_FAILURES.items())
    failed = f"SELECT {names}, {counts} FROM ({failures(scope)}) GROUP BY {names}"  # noqa: S608
    found = ", ".join(f"coalesce(f.{name}, 0) AS {name}" for name in _OF_FAILURES)
    same = " AND ".join(f"f.{name} = w.{name}" for name in by)
    return (
        f"SELECT w.*, {found} FROM ({whole}) w LEFT JOIN ({failed}) f"  # noqa: S608
        f" ON {same}{scope.same('f', 'w')}"
    )


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
