"""The report of a run, or of all: findings, charts, tables and transcripts, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from mana_lab.analysis import charts
from mana_lab.analysis.choosing import RunChoice
from mana_lab.analysis.friction import frequent_errors
from mana_lab.analysis.report import markup
from mana_lab.analysis.report.page import page
from mana_lab.analysis.report.pictures import Draw, pictures
from mana_lab.analysis.report.places import places_of
from mana_lab.analysis.report.told import cited, index, told
from mana_lab.analysis.report.transcripts import chosen, transcripts
from mana_lab.analysis.summary import summary
from mana_lab.analysis.telling import Tell, untold
from mana_lab.analysis.warehouse import Warehouse

_MOST_ERRORS: Final = 10
_NOTES_A_MODULE: Final = 3
_FIXTURE: Final = (
    "The scripted brain's ratings follow from what happened to it. "
    "They show where the app causes friction; they are not opinions of people."
)


def render_report(warehouse: Warehouse, run: RunChoice = None, tell: Tell = untold) -> str:
    """Return the report as one HTML page.

    An index leads to the findings, each with its effect, interval, counter-evidence, the cell that
    gets the number again, and links to calls in the transcripts; then come the charts with their
    numbers, the most frequent errors and the notes of the lowest ratings. The page loads nothing,
    runs no script and is the same for the same data: all of it is of one time, while a run goes on
    too.

    Of many ticks it has the transcripts that findings cite and those with the most failed calls;
    see :mod:`mana_lab.analysis.report.transcripts`.

    Args:
        warehouse: Where the data come from.
        run: A run, its id or its number; None for everything.
        tell: Told how many parts are done: the findings, each chart, and the rest.

    Raises:
        NotFoundError: There is no such run.
    """
    with warehouse.snapshot():
        return _rendered(warehouse, run, tell)


def _rendered(warehouse: Warehouse, run: RunChoice, tell: Tell) -> str:
    from mana_lab.analysis.findings import findings_of

    number = None if run is None else warehouse.run_number(run)
    actions, feedback = warehouse.actions_df(number), warehouse.feedback_df(number)
    frames = {"actions": actions, "ratings": feedback, "personas": warehouse.personas_df()}
    draws = pictures(warehouse, number, frames)
    total = len(draws) + 2
    tell(0, total)
    findings = findings_of(warehouse, number)
    tell(1, total)
    places = places_of(warehouse, cited(findings))
    ticks = chosen(warehouse, number, (place.tick_id for place in places.values()))
    drawn = list(_drawn(draws, lambda done: tell(done + 1, total)))
    sections = {
        "findings": ("Findings", list(told(findings, places, ticks.ids))),
        **{each.anchor: (each.question, [each.html]) for each in drawn},
        "runs": ("Runs", [_runs(warehouse.runs_df(number))]),
        "personas": (
            "Personas",
            [markup.frame_table("What each persona did", summary(warehouse, number))],
        ),
        "errors": ("Most frequent errors", [_errors(actions)]),
        "notes": ("What the lowest ratings say", list(_notes(feedback))),
        "transcripts": ("Transcripts", list(transcripts(ticks))),
    }
    glance = [markup.link(each.finding, each.anchor) for each in drawn]
    whole = page(
        _head(number, str(findings.trust), fixture=findings.trust.fixture and not feedback.empty),
        _contents({anchor: title for anchor, (title, _) in sections.items()}),
        markup.section("The findings in short", index(findings), anchor="index"),
        markup.section("At a glance", markup.points(_once(glance)), anchor="glance"),
        *(
            markup.section(title, *parts, anchor=anchor)
            for anchor, (title, parts) in sections.items()
        ),
    )
    tell(total, total)
    return whole


@dataclass(frozen=True)
class _Drawn:
    """A chart as it stands on the page."""

    anchor: str
    question: str
    finding: str
    html: str


def _drawn(draws: Iterable[Draw], tell: Callable[[int], None]) -> Iterator[_Drawn]:
    """Yield the charts, drawn one after another; *tell* is told after each how many are."""
    for place, draw in enumerate(draws, start=1):
        picture = draw()
        html = markup.figure(picture.chart, picture.numbers)
        yield _Drawn(f"chart-{place}", picture.question, picture.chart.finding, html)
        tell(place)


def _head(run: int | None, trust: str, *, fixture: bool) -> str:
    which = "" if run is None else f" in run {run}"
    return (
        f"<header><h1>What the personas did{which}</h1>{markup.paragraph(trust)}"
        f"{markup.paragraph(_FIXTURE) if fixture else ''}</header>"
    )


def _contents(titles: dict[str, str]) -> str:
    links = [markup.link(title, anchor) for anchor, title in titles.items()]
    return f'<nav aria-label="Parts of the report">{markup.points(links)}</nav>'


def _once(links: list[markup.Markup]) -> list[markup.Markup]:
    """Return links without those whose text was there before."""
    texts = {each.html.partition(">")[2]: each for each in reversed(links)}
    return [each for each in links if each in texts.values()]


def _runs(runs: pd.DataFrame) -> str:
    if runs.empty:
        return markup.paragraph("There is no run yet; what is shown was done by hand.")
    shown = runs[["run", "seed", "brain", "model", "starts_at", "ends_at", "status"]]
    return markup.frame_table("Runs", shown.rename(columns={"starts_at": "from", "ends_at": "to"}))


def _errors(actions: pd.DataFrame) -> str:
    errors = frequent_errors(actions)
    if errors.empty:
        return markup.paragraph("No call failed.")
    heads = ("tool", "kind", "code", "times", "personas", "for example")
    shown = ["tool_name", "error_kind", "error_code", "errors", "personas", "example"]
    rows = errors.head(_MOST_ERRORS)[shown].itertuples(index=False, name=None)
    more = len(errors) - _MOST_ERRORS
    rest = markup.paragraph(f"… and {more} rarer kinds of error.") if more > 0 else ""
    return markup.table("Errors, the most frequent first", heads, rows) + rest


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
