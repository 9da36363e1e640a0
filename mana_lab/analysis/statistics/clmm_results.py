"""What a cumulative-link mixed model came to; see :mod:`mana_lab.analysis.statistics.clmm`."""

from __future__ import annotations

from dataclasses import dataclass

from mana_lab.analysis.statistics.results import Interval, counted, shown_p
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True, repr=False)
class Effect:
    """One effect of a model.

    Attributes:
        name: Of the column; of a text column also the level, as in ``temp[warm]``.
        log_odds: The estimate; infinite, and without errors, where one side of the effect has the
            highest or lowest ratings alone.
        std_error: From the observed information; right where personas differ by their intercept
            alone.
        p: By Wald's test with *std_error*.
        interval: By the same.
        robust_error: From the spread of the personas' own gradients, right also where personas
            react differently to the effect, or few carry it; see
            :mod:`mana_lab.analysis.statistics.robust`.
        robust_p: With *robust_error* and Student's distribution of one degree of freedom less than
            *personas_behind*; NaN where these are fewer than two.
        robust_interval: By the same; without bounds where these are fewer than two.
        n_personas: How many personas rated with the effect, which is where its column is not 0.
        personas_behind: How many carry it, effectively: less where one has most of its ratings.
        sign_p: By the sign test over personas who rated both with and without the effect, whose
            means are compared; a coarse answer, for effects that are infinite.
    """

    name: str
    log_odds: float
    std_error: float
    p: float
    interval: Interval
    robust_error: float
    robust_p: float
    robust_interval: Interval
    n_personas: int
    personas_behind: float
    sign_p: float

    def __repr__(self) -> str:
        return (
            f"<{self.name}: log-odds {self.log_odds:.3f} {self.robust_interval!r} (robust), "
            f"{shown_p(self.robust_p)}>"
        )


@dataclass(frozen=True, repr=False)
class ClmmFit:
    """A fitted model.

    Attributes:
        effects: In the order of the columns.
        thresholds: By what they part, such as ``1|2``; categories that nobody chose are left out.
        threshold_errors: Their standard errors.
        persona_sd: The standard deviation of the personas' intercepts.
        log_likelihood: At the estimates.
        n_parameters: How many were estimated.
        converged: Whether the optimum was found; else there are no errors.
        nodes: Of the quadrature; 1 is Laplace's approximation.
        n_personas: How many personas.
        n_rows: How many ratings.
        n_missing: How many rows had no rating.
    """

    effects: tuple[Effect, ...]
    thresholds: dict[str, float]
    threshold_errors: dict[str, float]
    persona_sd: float
    log_likelihood: float
    n_parameters: int
    converged: bool
    nodes: int
    n_personas: int
    n_rows: int
    n_missing: int = 0

    def __getitem__(self, name: str) -> Effect:
        """Return the effect of that name.

        Raises:
            InvalidInputError: There is none.
        """
        for effect in self.effects:
            if effect.name == name:
                return effect
        names = ", ".join(effect.name for effect in self.effects) or "none"
        raise InvalidInputError(f"there is no effect {name!r}; there are: {names}")

    def __repr__(self) -> str:
        effects = ", ".join(f"{effect.name} {effect.log_odds:.3f}" for effect in self.effects)
        return (
            f"<cumulative-link mixed model: {effects or 'no effects'}, "
            f"persona sd {self.persona_sd:.3f}, {counted(self.n_personas, 'persona')}, "
            f"{counted(self.n_rows, 'row')}>"
        )


@dataclass(frozen=True)
class LikelihoodRatio:
    """A test of a model against one that it contains.

    Attributes:
        chi2: Twice the difference of the log-likelihoods.
        df: The difference of the numbers of parameters.
        p: By the chi-squared distribution.
    """

    chi2: float
    df: int
    p: float
