"""Outcome: what an experiment came to, from the ledger, so that it can be had again at any time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from mana_lab.analysis.choosing import OneRun
from mana_lab.analysis.contrast import Answer, Contrast, Named, Varied
from mana_lab.analysis.statistics.noise import NoiseFloor
from mana_lab.analysis.statistics.sequential import Evidence
from mana_lab.analysis.statistics.variants import VariantEffect
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.display import escaped
from mana_lab.errors import InvalidInputError
from mana_lab.experiments.design import Trial


@dataclass(frozen=True, repr=False)
class Experiment:
    """Treatment against control, within each persona.

    Attributes:
        run: The number of the run.
        trial: What was compared, and how.
        contrast: What changed: of all modules, measures and tools.
    """

    run: int
    trial: Trial
    contrast: Contrast

    @property
    def evidence(self) -> Evidence | None:
        """What the e-process came to; None where nothing was rated, or by several brains."""
        return self.answer.evidence

    @property
    def answer(self) -> Answer:
        """What the trial was set up to find, and whether that holds up."""
        return self.contrast.answer

    @classmethod
    def of(cls, warehouse: Warehouse, run: OneRun) -> Experiment:
        """Return what a run came to.

        Args:
            warehouse: Where the rows come from.
            run: The run, its id or its number.

        Raises:
            NotFoundError: There is no such run.
            InvalidInputError: It was no experiment.
        """
        varied = Varied.of(warehouse, run)
        if varied.design.get("kind") != Trial.kind:
            raise InvalidInputError(
                f"run {varied.run} was no experiment but {varied.design.get('kind')!r}"
            )
        trial = Trial(**{each.name: varied.design[each.name] for each in fields(Trial)})
        return cls(varied.run, trial, Contrast.of(varied))

    @cached_property
    def effect(self) -> VariantEffect:
        """What the treatment did to the ratings that the experiment is about.

        Raises:
            InvalidInputError: Fewer than two personas rated under both.
            MixedBrainsError: Other brains played under treatment.
        """
        return self.contrast.effect(self.trial.module)

    @cached_property
    def noise_floor(self) -> NoiseFloor:
        """How far the two blind halves of the control differ.

        Raises:
            InvalidInputError: Fewer than two personas rated in both halves.
        """
        return self.contrast.noise_floor(self.trial.module)

    @property
    def stopped_because(self) -> str | None:
        """Why it ended early, and its effect comes out rather too large; None where it did not."""
        return self.contrast.varied.stopped_because

    @property
    def named(self) -> tuple[Named, ...]:
        """The modules and tools that changed, the clearest first."""
        return self.contrast.named

    def facts(self) -> dict[str, str]:
        """Return what it came to, in words, by what is told."""
        about = self.trial.module or "all modules"
        facts = {
            "control": self.trial.control,
            "treatment": self.trial.treatment,
            "ticks": f"{len(self.contrast.varied.ticks)} of {self._personas} personas",
        }
        try:
            effect = self.effect.difference
            facts[f"rating of {about}"] = f"{effect.effect:+.2f} {effect.interval!r}"
            facts["noise floor"] = f"{self.noise_floor.mean:.2f} (blind A/A of the control)"
        except InvalidInputError as error:
            facts[f"rating of {about}"] = f"not comparable: {error.message}"
        facts["asked beforehand"] = self._verdict()
        if self.stopped_because:
            facts["ended early"] = self.stopped_because
        named = "; ".join(map(str, self.named)) or "nothing that holds up"
        return facts | {"changed besides": named}

    def _verdict(self) -> str:
        if self.answer.difference is None:
            return "cannot be told"
        verdict = "holds up" if self.answer.holds else "does not hold up"
        return f"{verdict} at a level of {self.trial.alpha:g}: {self.answer.tested}"

    def __repr__(self) -> str:
        told = "; ".join(f"{name}: {text}" for name, text in self.facts().items())
        return f"<Experiment, run {self.run}: {told}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escaped(name)}</th><td>{escaped(text)}</td></tr>"
            for name, text in self.facts().items()
        )
        return f"<table>{rows}</table>"

    @property
    def _personas(self) -> int:
        return int(self.contrast.varied.ticks["email"].nunique())
