"""The findings on the page: an index, and each with what it rests on and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mana_lab.analysis.report import markup
from mana_lab.analysis.report.markup import Markup
from mana_lab.analysis.report.places import LINKED, Place

if TYPE_CHECKING:
    from mana_lab.analysis.findings import Finding, Findings


def cited(findings: Findings) -> list[str]:
    """Return the ids of the calls and ratings that the page links to."""
    return [
        name
        for finding in findings
        for name in (*finding.calls[:LINKED], *finding.against[:LINKED])
    ]


def index(findings: Findings) -> str:
    """Return what was asked before the run, and the findings, linked to where they are told."""
    asked = markup.paragraph(findings.asked) if findings.asked else ""
    if not findings:
        return asked + markup.paragraph(f"Nothing holds up. {findings.advice}")
    links = (markup.link(each.claim, _anchor(place)) for place, each in enumerate(findings))
    return f"{asked}<ol>{''.join(f'<li>{each.html}</li>' for each in links)}</ol>"


def told(findings: Findings, places: Mapping[str, Place], ticks: frozenset[str]) -> Iterator[str]:
    """Yield each finding, and what was looked at.

    Args:
        findings: The findings.
        places: Where calls and ratings stand, by their ids.
        ticks: The ids of the ticks that the page has.
    """
    for place, finding in enumerate(findings):
        yield _told(finding, _anchor(place), places, ticks)
    yield markup.heading("What was looked at")
    yield markup.points(map(str, findings.looked))
    if findings:
        yield markup.paragraph(findings.advice)


def _anchor(place: int) -> str:
    return f"finding-{place + 1}"


def _told(finding: Finding, anchor: str, places: Mapping[str, Place], ticks: frozenset[str]) -> str:
    behind = _links(finding.calls, places, ticks)
    against = _links(finding.against, places, ticks)
    pairs: list[tuple[str, str | Markup]] = list(finding.facts())
    calls = f"The calls behind it ({min(len(finding.calls), LINKED)} of {finding.n_calls:,})"
    pairs += [(calls, behind)] if finding.calls else []
    known = f"{min(len(finding.against), LINKED)} of {len(finding.against):,}"
    pairs += [(f"What speaks against it ({known})", against)] if finding.against else []
    return (
        f'<article id="{anchor}">{markup.heading(finding.claim)}{markup.facts(pairs)}'
        f"{markup.paragraph('A notebook cell that gets the number again:')}"
        f"{markup.code(finding.cell)}</article>"
    )


def _links(ids: Iterable[str], places: Mapping[str, Place], ticks: frozenset[str]) -> Markup:
    known = [places[name] for name in list(ids)[:LINKED] if name in places]
    return Markup(markup.points(place.shown(ticks) for place in known))
