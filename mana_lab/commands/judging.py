"""Rating in a terminal: a number, a reason and the calls that it rests on, for each module."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mana_lab.commands.screen import Screen
from mana_lab.runner.human import Verdict

_SIGNS = re.compile(r"[,\s]+")


async def judge(screen: Screen, verdicts: Sequence[Verdict]) -> None:
    """Ask for the ratings that are not there yet.

    Args:
        screen: Where to ask.
        verdicts: What is filled in.

    Raises:
        EOFError: Nobody answers any more.
    """
    if screen.keyboard.has_left:
        raise EOFError
    screen.show()
    screen.show("What was it like? 1 is frustrating, 5 really helps.", "bold")
    for verdict in verdicts:
        if verdict.read() is None:
            await _ask(screen, verdict)


async def _ask(screen: Screen, verdict: Verdict) -> None:
    screen.show(verdict.module, "bold")
    screen.listed([line.text for line in verdict.lines], [""] * len(verdict.lines))
    while verdict.read() is None:
        verdict.rating = await screen.ask(f"rating of {verdict.module}, 1 to 5")
        _complain(screen, verdict)
    while True:
        verdict.notes = await screen.ask("why, in your words (Enter for nothing)")
        if verdict.read() is not None:
            break
        _complain(screen, verdict)
    await _ask_for_evidence(screen, verdict)


def _complain(screen: Screen, verdict: Verdict) -> None:
    if verdict.read() is None:
        screen.wrong(verdict.problem or "")


async def _ask_for_evidence(screen: Screen, verdict: Verdict) -> None:
    ids = [line.id for line in verdict.lines]
    while True:
        entry = await screen.ask("the calls it rests on, by number (Enter for none, all)")
        words = [word for word in _SIGNS.split(entry.strip()) if word]
        if words == ["all"]:
            verdict.evidence = tuple(ids)
            return
        numbered = {str(number): each for number, each in enumerate(ids, 1)}
        if unknown := [word for word in words if word not in numbered]:
            screen.wrong(f"there is no call {unknown[0][:20]!r}; give numbers from 1 to {len(ids)}")
            continue
        verdict.evidence = tuple(dict.fromkeys(numbered[word] for word in words))
        return
