"""The same definitions over frames, such as those of a run that is kept nowhere."""

from __future__ import annotations

import pandas as pd

from mana_lab.analysis import columns
from mana_lab.analysis.duck import ask, lock, open_duck
from mana_lab.analysis.friction.calls import CALLS
from mana_lab.analysis.friction.counts import ERRORS, TOOLS
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.kept import add_view

_TOOL = (
    "tool_name, calls, errors, retries, recoveries, personas, error_rate, retry_rate, recovery_rate"
)
_ERROR = "tool_name, error_kind, error_code, errors, personas, example"


def failed_calls(actions: pd.DataFrame) -> pd.DataFrame:
    """Return the calls that failed, with ``retried`` and ``recovered``.

    Args:
        actions: Rows of ``actions_df``.
    """
    names = ", ".join([*columns.ACTIONS, "retried", "recovered"])
    return _over(actions, CALLS, names, "failed")


def tool_friction(actions: pd.DataFrame) -> pd.DataFrame:
    """Return every tool with its counts and rates, the one that fails most often first.

    The columns are ``tool_name``, ``calls``, ``errors``, ``retries``, ``recoveries``,
    ``personas`` and, between 0 and 1, ``error_rate`` (of the calls), ``retry_rate`` and
    ``recovery_rate`` (of the errors; missing where there are none).

    Args:
        actions: Rows of ``actions_df``.
    """
    return _over(actions, TOOLS, _TOOL)


def frequent_errors(actions: pd.DataFrame) -> pd.DataFrame:
    """Return every kind of error by tool, the most frequent first.

    The columns are ``tool_name``, ``error_kind``, ``error_code``, ``errors``, ``personas`` and
    ``example``, the message of the earliest.

    Args:
        actions: Rows of ``actions_df``.
    """
    return _over(actions, ERRORS, _ERROR)


def _over(
    actions: pd.DataFrame, definition: Definition, names: str, where: str = "true"
) -> pd.DataFrame:
    query = f"SELECT {names} FROM ({definition.sql(Scope())}) WHERE {where}"  # noqa: S608
    with open_duck() as duck:
        add_view(duck, "persona_actions", columns.ACTIONS, actions)
        lock(duck)
        return ask(duck, query, {})
