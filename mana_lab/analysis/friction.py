"""Friction: where calls fail, and what people do next.

A failed call was *retried* when the same persona called the same tool again within the next two
calls of the tick, and *recovered from* when that tool worked later in the tick; else it was given
up. The definitions are SQL over the view ``persona_actions``, so ``Warehouse.sql`` takes them
too. They describe; a comparison needs the persona as its unit, not the call.
"""

from __future__ import annotations

import pandas as pd

from mana_lab.analysis import columns
from mana_lab.analysis.duck import run_sql

CALLS = """
SELECT
    *,
    result = 'error' AS failed,
    failed AND tool_name IN (
        coalesce(lead(tool_name, 1) OVER tick_calls, ''),
        coalesce(lead(tool_name, 2) OVER tick_calls, '')
    ) AS retried,
    failed AND coalesce(bool_or(result = 'ok') OVER later_calls, false) AS recovered
FROM persona_actions
WINDOW
    tick_calls AS (PARTITION BY persona_id, tick_id ORDER BY seq, id),
    later_calls AS (
        PARTITION BY persona_id, tick_id, tool_name ORDER BY seq, id
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )
ORDER BY run, occurred_at, persona, email, seq, id
"""
"""Every call with ``failed``, ``retried`` and ``recovered``."""

TOOLS = f"""
SELECT
    tool_name,
    count(*) AS calls,
    count(*) FILTER (failed) AS errors,
    count(*) FILTER (retried) AS retries,
    count(*) FILTER (recovered) AS recoveries,
    count(DISTINCT persona_id) AS personas,
    errors / calls AS error_rate,
    CASE WHEN errors > 0 THEN retries / errors END AS retry_rate,
    CASE WHEN errors > 0 THEN recoveries / errors END AS recovery_rate
FROM ({CALLS})
GROUP BY tool_name
ORDER BY error_rate DESC, calls DESC, tool_name
"""  # noqa: S608
"""Every tool with its counts and rates, the one that fails most often first."""

ERRORS = """
SELECT
    tool_name,
    coalesce(error_kind, '') AS error_kind,
    coalesce(error_code, '') AS error_code,
    count(*) AS errors,
    count(DISTINCT persona_id) AS personas,
    coalesce(min_by(error_message, (occurred_at, persona, seq, id)), '') AS example
FROM persona_actions
WHERE result = 'error'
GROUP BY ALL
ORDER BY errors DESC, personas DESC, tool_name, error_kind, error_code
"""
"""Every kind of error by tool, the most frequent first, with the message of the earliest."""


def failed_calls(actions: pd.DataFrame) -> pd.DataFrame:
    """Return the calls that failed, with ``retried`` and ``recovered``.

    Args:
        actions: Rows of ``actions_df``.
    """
    return _over(actions, f"SELECT * EXCLUDE (failed) FROM ({CALLS}) WHERE failed")  # noqa: S608


def tool_friction(actions: pd.DataFrame) -> pd.DataFrame:
    """Return every tool with its counts and rates, the one that fails most often first.

    The columns are ``tool_name``, ``calls``, ``errors``, ``retries``, ``recoveries``,
    ``personas`` and, between 0 and 1, ``error_rate`` (of the calls), ``retry_rate`` and
    ``recovery_rate`` (of the errors; missing where there are none).

    Args:
        actions: Rows of ``actions_df``.
    """
    return _over(actions, TOOLS)


def frequent_errors(actions: pd.DataFrame) -> pd.DataFrame:
    """Return every kind of error by tool, the most frequent first.

    The columns are ``tool_name``, ``error_kind``, ``error_code``, ``errors``, ``personas`` and
    ``example``, the message of the earliest.

    Args:
        actions: Rows of ``actions_df``.
    """
    return _over(actions, ERRORS)


def _over(actions: pd.DataFrame, query: str) -> pd.DataFrame:
    return run_sql(query, {}, {"persona_actions": (actions, columns.ACTIONS)})
