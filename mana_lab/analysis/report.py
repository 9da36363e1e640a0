"""The report: what a lab found, as one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pandas as pd

from mana_lab.analysis import charts, markup
from mana_lab.analysis.columns import TRAITS
from mana_lab.analysis.friction import Friction, frequent_errors
from mana_lab.analysis.summary import summary
from mana_lab.analysis.warehouse import RunChoice, Warehouse

_MOST_ERRORS = 10
_NOTES_A_MODULE = 3
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_FIXTURE = (
    "The scripted brain's ratings follow from what happened to it. "
    "They show where the app causes friction; they are not opinions of people."
)


def render_report(warehouse: Warehouse, run: RunChoice = None) -> str:
    """Return the report as one HTML page.

    It holds a summary by persona, the charts with their numbers, the most frequent errors and the
    notes of the lowest ratings; it loads nothing, runs no script and is the same for the
    same data.

    Args:
        warehouse: Where the data come from.
        run: A run, its id or its number; None for everything.

    Raises:
        NotFoundError: There is no such run.
    """
    actions, feedback = warehouse.actions_df(run), warehouse.feedback_df(run)
    personas = warehouse.personas_df()
    friction = Friction(warehouse)
    confused, recovery = friction.confusion(run), friction.error_recovery(run)
    drawn = _population(personas) | {
        "Who used the app, and when?": (
            charts.activity(actions, personas),
            charts.activity_table(actions, personas),
        ),
        "How was it rated?": (charts.ratings(feedback), charts.ratings_table(feedback)),
        "Where did calls fail?": (
            charts.tool_errors(actions),
            charts.tool_errors_table(actions),
        ),
        "Which tool did they take for another?": (
            charts.confusion(confused),
            charts.confusion_table(confused),
        ),
        "After which errors did they get on?": (
            charts.error_recovery(recovery),
            charts.error_recovery_table(recovery),
        ),
        "Did they use what they had meant to use?": (
            charts.module_mix(personas, actions),
            charts.module_mix_table(personas, actions),
        ),
    }
    findings = list(dict.fromkeys(chart.finding for chart, _ in drawn.values()))
    return _page(
        _head(findings, feedback),
        markup.section("Runs", _runs(warehouse.runs_df(run))),
        markup.section("Personas", markup.frame_table(summary(warehouse, run))),
        *(markup.section(title, markup.figure(*parts)) for title, parts in drawn.items()),
        markup.section("Most frequent errors", _errors(actions)),
        markup.section("What the lowest ratings say", *_notes(feedback)),
    )


def _population(personas: pd.DataFrame) -> dict[str, tuple[charts.Chart, pd.DataFrame]]:
    if personas[list(TRAITS)].isna().all(axis=None):
        return {}
    drawn = charts.coverage(personas), charts.coverage_table(personas)
    return {"Who are the personas?": drawn}


def _page(*parts: str) -> str:
    css = files("mana_lab.analysis").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>mana_lab report</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n<footer>Made by mana_lab. Times are in UTC.</footer>\n</body>\n</html>\n"
    )


def _head(findings: list[str], feedback: pd.DataFrame) -> str:
    scripted = (feedback["brain"] == "scripted").any()
    return (
        "<header><h1>What the personas did</h1>"
        f'<div class="findings">{markup.points(findings)}</div>'
        f"{markup.paragraph(_FIXTURE) if scripted else ''}</header>"
    )


def _runs(runs: pd.DataFrame) -> str:
    if runs.empty:
        return markup.paragraph("There is no run yet; what is shown was done by hand.")
    shown = runs[["run", "seed", "brain", "model", "starts_at", "ends_at", "status"]]
    return markup.frame_table(shown.rename(columns={"starts_at": "from", "ends_at": "to"}))


def _errors(actions: pd.DataFrame) -> str:
    errors = frequent_errors(actions)
    if errors.empty:
        return markup.paragraph("No call failed.")
    heads = ("tool", "kind", "code", "times", "personas", "for example")
    shown = ["tool_name", "error_kind", "error_code", "errors", "personas", "example"]
    rows = errors.head(_MOST_ERRORS)[shown].itertuples(index=False, name=None)
    more = len(errors) - _MOST_ERRORS
    rest = markup.paragraph(f"… and {more} rarer kinds of error.") if more > 0 else ""
    return markup.table(heads, rows) + rest


def _notes(feedback: pd.DataFrame) -> Iterator[str]:
    """Yield, for each module from the lowest rated on, its lowest ratings with a note."""
    noted = feedback[feedback["notes"].fillna("") != ""]
    if noted.empty:
        yield markup.paragraph("No rating has a note.")
    for module, row in charts.ratings_table(noted).iterrows():
        title = f"{module}: mean {row['mean']:.2f} of 5, {int(row['ratings'])} with a note"
        yield markup.heading(title)
        of_module = noted[noted["module"] == module].sort_values("rating", kind="stable")
        lowest = of_module.drop_duplicates("notes").head(_NOTES_A_MODULE)
        yield markup.points(
            f"{rating} of 5, {persona}, {day:%Y-%m-%d}: {note}"
            for rating, persona, day, note in zip(
                lowest["rating"],
                lowest["persona"],
                lowest["occurred_at"],
                lowest["notes"],
                strict=True,
            )
        )
