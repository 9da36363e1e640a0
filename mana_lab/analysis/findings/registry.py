"""The questions that are asked of every run; a new one is a module and a name here."""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.choosing import RunChoice
from mana_lab.analysis.databases import LARGE
from mana_lab.analysis.findings import (
    agreement,
    confused,
    cost,
    failing,
    leaving,
    modules,
    stuck,
    undiscovered,
    varied,
)
from mana_lab.analysis.findings.advice import advice
from mana_lab.analysis.findings.basis import Basis
from mana_lab.analysis.findings.findings import Findings, Looked, Question
from mana_lab.analysis.telling import Tell, untold
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import InvalidInputError, MixedBrainsError

QUESTIONS: Final[tuple[Question, ...]] = (
    varied.QUESTION,
    modules.QUESTION,
    failing.QUESTION,
    confused.QUESTION,
    stuck.QUESTION,
    leaving.QUESTION,
    undiscovered.QUESTION,
    cost.QUESTION,
    agreement.QUESTION,
)
"""The questions, in the order in which findings come."""


def findings_of(warehouse: Warehouse, run: RunChoice = None, tell: Tell = untold) -> Findings:
    """Return what holds up in a run; the same rows are looked at once.

    Args:
        warehouse: Where the rows come from.
        run: A run, its id or its number; None for all.
        tell: Told after each question how many have been asked, where many calls make it long.

    Raises:
        NotFoundError: There is no such run.
    """
    number = None if run is None else warehouse.run_number(run)
    return warehouse.once(("findings", number), lambda: _found(Basis(warehouse, number), tell))


def _found(basis: Basis, tell: Tell) -> Findings:
    telling = tell if basis.size >= LARGE else untold
    looked = []
    for done, question in enumerate(QUESTIONS):
        telling(done, len(QUESTIONS))
        looked.append(_asked(question, basis))
    telling(len(QUESTIONS), len(QUESTIONS))
    return Findings(looked, basis.trust, advice(basis))


def _asked(question: Question, basis: Basis) -> Looked:
    """Return what a question came to; a run that it cannot be asked of says why."""
    try:
        return question.look(basis)
    except (InvalidInputError, MixedBrainsError) as error:
        return Looked(question.family, (), f"cannot be told: {error}")
