"""A model that says again what is on tape, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from mana_lab.errors import BudgetExhaustedError, TapeEndedError, error_classes
from mana_lab.runner.ledger_tape import TickTape
from mana_lab.runner.masking import masked_hash
from mana_lab.runner.tape import Ask, Entry, Played

Heard: TypeAlias = Callable[[Entry], Awaitable[None]]
"""Is told each request, with the answer that it got."""
_TIMEOUT = "timeout"


class Again:
    """The model's track of a tick, played again; the model itself is never asked.

    A tick whose model failed fails again where it did, for the same reason.

    Args:
        tape: What the tick has on tape.
        heard: Is told what is asked.

    Attributes:
        asked: What was asked; the last entry has no answer where the tape had none.
    """

    def __init__(self, tape: TickTape | None, heard: Heard | None = None) -> None:
        known: Sequence[Entry] = () if tape is None else tape.model
        self._failure = None if tape is None else _failure(tape)
        self._played = Played("model", known, None)
        self._heard = heard
        self.asked: list[Entry] = []

    async def answer(self, request: Any, ask: Ask) -> Any:
        """Return what the model said at this place.

        Raises:
            TapeEndedError: It said nothing more.
            ManaLabError: What the tick failed with.
        """
        step, asked = len(self.asked), masked_hash(request)
        try:
            given = await self._played.answer(request, ask)
        except TapeEndedError:
            if self._failure is not None:
                raise self._failure from None
            self.asked.append(Entry(step, asked, None))
            raise
        entry = Entry(step, asked, given)
        self.asked.append(entry)
        if self._heard is not None:
            await self._heard(entry)
        return json.loads(json.dumps(given))


def _failure(tape: TickTape) -> Exception | None:
    """Return what a model failed with that was asked in vain."""
    if tape.failed_step not in ("use", "rate") or tape.error is None:
        return None
    code, _, message = tape.error.partition(": ")
    if code == _TIMEOUT:
        return TimeoutError()
    if code == BudgetExhaustedError.code:
        return BudgetExhaustedError(message, scope="persona")
    known = error_classes().get(code)
    return None if known is None else known(message)
