"""What the columns of the frames and views mean."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mana_lab.analysis.columns import DTYPES, SQL_TYPES, VIEWS
from mana_lab.checks import got
from mana_lab.errors import NotFoundError

_WHO = {
    "persona": "The persona's name.",
    "email": "Their address, which no other persona has.",
    "archetype": "What kind of person they are.",
}
_ROW = {
    "run": "The how-manieth run of the lab, from 1; missing for calls by hand.",
    **_WHO,
    "tick": "The how-manieth tick of the persona, from 1, over all runs; missing by hand.",
    "module": "The module of the app.",
    "occurred_at": "When it happened, in the lab's time.",
    "id": "Of the row; the same run makes the same ids.",
    "persona_id": "The id of the persona's account.",
    "tick_id": "The id of the tick; by hand, of the session.",
    "run_id": "The id of the run.",
    "created_at": "When the row was written, in real time.",
}

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "persona_actions": {
        **_ROW,
        "seq": "The place of the call in the tick, from 0.",
        "tool_name": "The tool that was called, such as todo.create.",
        "result": "ok or error.",
        "error_kind": "invalid-input, refused, not-found, conflict or infrastructure.",
        "error_code": "Which error of that kind, such as invalid-arguments or unknown-tool.",
        "error_message": "What the app said.",
        "latency_ms": "How long the answer took, in milliseconds of real time.",
        "shown": "How many things the answer listed; missing where it is not made of lists.",
        "input_hash": "SHA-256 of the canonical JSON of the arguments, in hex.",
        "tool_hash": "Which version of the tool was called; missing where there is no such tool.",
    },
    "persona_feedback": {
        **_ROW,
        "rating": "From 1, poor, to 5, good.",
        "notes": "Why, in the persona's words.",
        "brain": "Who played the persona; a scripted rating is a fixture and no opinion.",
        "evidence": "The ids of the calls that the rating rests on.",
    },
    "personas": {
        **_WHO,
        "tick_cadence": "How often they use the app: hourly, daily or weekdays.",
        "timezone": "Theirs, such as Europe/Berlin.",
        "language": "Theirs, such as de.",
        "module_mix": "The intended share of each module, 0 to 1.",
        "patience": "How much they put up with, 0 to 1; missing where no trait is set.",
        "skill": "How well they handle the app, 0 to 1.",
        "honesty": "How plainly they say what they think, 0 to 1.",
        "verbosity": "How much they write, 0 to 1.",
        "system_prompt": "What a model is told that plays them.",
        "last_active_at": "Their last activity, in the lab's time.",
        "user_id": "The id of their account.",
        "created_at": "When the account was made, in real time.",
    },
    "runs": {
        "run": "The how-manieth run of the lab, from 1.",
        "seed": "What all randomness of the run derives from.",
        "brain": "Who played the personas.",
        "model": "The model behind that, where there was one.",
        "starts_at": "Its first moment, in the lab's time.",
        "ends_at": "When it was to end.",
        "reached_at": "Before this, all of it is finished.",
        "status": "running, done, stopped or failed.",
        "reason": "Why it ended early.",
        "design": "What was varied and how; empty where the app was the same in all ticks.",
        "id": "Of the run.",
        "created_at": "When it was begun, in real time.",
    },
    "ticks": {
        **{name: text for name, text in _ROW.items() if name not in ("module", "occurred_at")},
        "tick": "The how-manieth of the persona, from 1, over all runs.",
        "scheduled_at": "When it took place, in the lab's time.",
        "status": "waiting, running, done, failed, or abandoned: the persona gave up.",
        "attempt": "The how-manieth attempt that was, from 1.",
        "brain": "Who played it.",
        "model": "The model behind that, where there was one.",
        "variant": "Which variant of the app it had; missing for the app as it is.",
        "calls": "How many tool calls it had.",
        "errors": "How many of them failed.",
        "failed_step": "The step that failed: prepare, sign-in, use, record, rate or close.",
        "error": "What that failure said, or why the persona gave up.",
        "skipped_modules": "How often a module was wanted that offers no tool, by module.",
        "requests": "How many requests models answered.",
        "input_tokens": "How many tokens they read.",
        "output_tokens": "How many tokens they wrote.",
        "cost_usd": "What that cost, in US dollars.",
        "prompt_hash": "SHA-256 of what the model was told, in hex.",
    },
}


def described(view: str) -> pd.DataFrame:
    """Return what the columns of a view, and of the frame of the same rows, hold and mean.

    Args:
        view: Its name, such as ``persona_actions``.

    Returns:
        A row for each ``column``, with its ``dtype`` in the frame, its ``sql_type`` and its
        ``meaning``.

    Raises:
        NotFoundError: There is no such view.
    """
    from mana_lab.analysis.views import DERIVED

    if not isinstance(view, str) or (view not in VIEWS and view not in DERIVED):
        there = ", ".join((*VIEWS, *DERIVED))
        raise NotFoundError(f"there is no view {got(view)}; there are {there}")
    kinds, meanings = (VIEWS[view], MEANINGS[view]) if view in VIEWS else DERIVED[view].described()
    return pd.DataFrame(
        {
            "column": list(kinds),
            "dtype": [DTYPES[kind] for kind in kinds.values()],
            "sql_type": [SQL_TYPES[kind] for kind in kinds.values()],
            "meaning": [meanings[name] for name in kinds],
        }
    )
