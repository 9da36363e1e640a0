"""Comparing: where a run that was played again first differs from the one on tape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mana_lab.runner.ledger_tape import TickTape
from mana_lab.runner.masking import masked, masked_hash
from mana_lab.runner.replay.track import Answered, read, visits
from mana_lab.runner.tape import Entry

Where: TypeAlias = Literal["model", "app", "actions", "ratings", "tick"]
_LONGEST = 300
_OFFER = 1
"""The place at which an app says what it offers."""


@dataclass(frozen=True)
class Difference:
    """The first place at which a run differs from the one on tape.

    Attributes:
        persona: Whose tick it is: their address.
        tick: Their how-manieth.
        track: Who was asked, ``model`` or ``app``; or what came of it: ``actions``, ``ratings`` or
            the ``tick`` itself.
        step: The place on the track, from 0; None where it is not one of a track.
        was: What the tape has there, shortened; None where that is not known.
        became: What is there now; None where that is not known.
    """

    persona: str
    tick: int
    track: Where
    step: int | None
    was: str | None = field(default=None)
    became: str | None = field(default=None)

    def __str__(self) -> str:
        place = f"{self.persona}, tick {self.tick}, {self.track}"
        if self.step is not None:
            place += f", step {self.step}"
        if self.was is None and self.became is None:
            return f"{place}: something else was asked"
        return f"{place}: it was {self.was or 'nothing'}, and is {self.became or 'nothing'} now"


@dataclass(frozen=True)
class _AppDifference(Difference):
    """A difference of the app's track.

    Attributes:
        by_itself: Whether the app was asked the same, and answered something else.
    """

    by_itself: bool = False


@dataclass(frozen=True)
class Lived:
    """What a tick came to.

    Attributes:
        tape: Its tape.
        ratings: The number and the words for each module.
    """

    tape: TickTape
    ratings: Mapping[str, tuple[int, str]]


def first_difference(was: Iterable[Lived], became: Iterable[Lived]) -> Difference | None:
    """Return the first place at which two lives of a run differ; None if there is none.

    Ids, times and how long the app took are no difference. Ticks come by time and persona.

    Args:
        was: The ticks on tape.
        became: Those that were lived now.
    """
    before = {(each.tape.email, each.tape.number): each for each in was}
    after = {(each.tape.email, each.tape.number): each for each in became}
    every = {**after, **before}
    ordered = sorted(every, key=lambda key: (every[key].tape.scheduled_at, *key))
    for email, number in ordered:
        old, new = before.get((email, number)), after.get((email, number))
        found = _of_tick(old, new)
        if found is not None:
            return found
    return None


def _of_tick(old: Lived | None, new: Lived | None) -> Difference | None:
    if old is None or new is None:
        known = (old or new).tape  # type: ignore[union-attr]  # one of them is there
        texts = [None if each is None else "a tick" for each in (old, new)]
        return Difference(known.email, known.number, "tick", None, *texts)
    model, app = _of_model(old.tape, new.tape), _of_app(old.tape, new.tape)
    if model is not None and app is not None:
        return app if _comes_before(app, model) else model
    return model or app or _of_ratings(old, new) or _of_end(old.tape, new.tape)


def _comes_before(app: _AppDifference, model: Difference) -> bool:
    """Tell whether what a model is asked differs because of what the app answered.

    What it is asked first follows from what the app offers, and later from what calls brought.
    """
    return app.by_itself and (model.step != 0 or (app.step or 0) <= _OFFER)


def _of_model(old: TickTape, new: TickTape) -> Difference | None:
    for step, (was, became) in enumerate(_pairs(old.model, new.model)):
        if was is None or became is None:
            texts = [None if each is None else "a request" for each in (was, became)]
            return Difference(old.email, old.number, "model", step, *texts)
        if was.request_hash != became.request_hash:
            return Difference(old.email, old.number, "model", step)
    return None


def _of_app(old: TickTape, new: TickTape) -> _AppDifference | None:
    """Compare the visits that count; where one of the two was not recorded, there is nothing to."""
    if not old.app or not new.app:
        return None
    for was, became in _pairs(visits(old.app)[-1], visits(new.app)[-1]):
        if was is None or became is None or not _same(was, became):
            return _AppDifference(
                old.email,
                old.number,
                "app",
                (was or became).step,
                was=_legible(was),
                became=_legible(became),
                by_itself=bool(was and became and was.request_hash == became.request_hash),
            )
    return None


def _same(was: Entry, became: Entry) -> bool:
    if was.request_hash != became.request_hash:
        return False
    return _comparable(read(was)) == _comparable(read(became))


def _comparable(answered: Answered) -> str:
    kept = answered.model_dump(exclude={"latency_ms", "mix"})
    return masked_hash(kept)


def _legible(entry: Entry | None) -> str | None:
    if entry is None:
        return None
    answered = read(entry)
    asked = masked(answered.asked.model_dump(exclude_none=True))
    given = answered.model_dump(exclude={"asked", "latency_ms", "mix"}, exclude_defaults=True)
    return _short(f"{asked} → {masked(given)}")


def _of_ratings(old: Lived, new: Lived) -> Difference | None:
    for module in sorted({*old.ratings, *new.ratings}):
        was, became = old.ratings.get(module), new.ratings.get(module)
        if was is None or became is None or masked(list(was)) != masked(list(became)):
            texts = [
                None if each is None else _short(f"{module} {each[0]}: {each[1]}")
                for each in (was, became)
            ]
            return Difference(old.tape.email, old.tape.number, "ratings", None, *texts)
    return None


def _of_end(old: TickTape, new: TickTape) -> Difference | None:
    was, became = (
        f"{each.status} {each.failed_step or ''} {masked(each.error or '')}".strip()
        for each in (old, new)
    )
    if was == became:
        return None
    return Difference(old.email, old.number, "tick", None, _short(was), _short(became))


def _pairs(was: Sequence[Any], became: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    longest = max(len(was), len(became))
    return (
        (
            was[place] if place < len(was) else None,
            became[place] if place < len(became) else None,
        )
        for place in range(longest)
    )


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 1]}…"
