"""Stopping early: evidence that may be looked at after every tick.

A p-value that is looked at again and again is below 5 % at some point far more often than in 5 %
of cases. An e-value may be looked at as often as one likes.

The bet. Before each tick a fair coin decides which variant is shown, +1 or -1, and is written
down. Somebody who believes that variants matter bets a share of their money on the ratings being
higher under +1 (or lower). Were there no effect, a rating would have come out the same under
either face of its coin, so that nobody can win such bets in the long run. Money that grew
twentyfold speaks at the level of 1/20.

Why it may stop at any time. Let F be all that was known before a tick: earlier ratings and coins.
Under the null hypothesis the ratings of the tick do not depend on its coins, so given F and these
ratings each coin c is still +1 or -1 with probability one half. Each bet multiplies the wealth by
1 + lambda·c·x, where x = (rating - center) / reach lies in [-1, 1]: *center* is the mean of what
the persona said in earlier ticks, and *reach* the largest distance that a rating can have from
it, so both are fixed by F, and 0 < |lambda| < 1 is fixed from the start. So the factor is
positive, and its expectation given F and the ratings is 1 + lambda·x·E[c] = 1. With a coin of its
own for every persona, coins are independent given F, and the expectation of the product of the
factors is the product of their expectations, 1. With one coin for the whole tick that would be
wrong, since the same c stands in every factor; then the tick is one bet on the mean of the
personas' x, over twice the root mean square of such means in earlier ticks (which F fixes) and
cut off at -1 and 1: without the coin still a number in [-1, 1] that does not depend on it. The
wealth is thus a nonnegative martingale that starts at 1, the mean of several of them (one per
lambda) is one too, and by Ville's inequality it ever reaches 1/alpha with probability at most
alpha (Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid
inference", *Statistical Science* 38; Ville 1939).

What is tested is that no rating of anybody depends on the coins; that includes whether there is a
rating at all. An effect that outlasts its tick makes it weaker, not wrong.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mana_lab.analysis.statistics.units import HIGHEST, LOWEST
from mana_lab.errors import InvalidInputError

Coin: TypeAlias = Literal[1, -1]
STAKES = (0.1, 0.2, 0.4, 0.8)
_FIRST_SCALE = 0.25
"""What the root mean square of the mean bets of ticks is taken for before the first."""
_MIDDLE = (LOWEST + HIGHEST) / 2


@dataclass(frozen=True)
class Evidence:
    """What is known after a tick.

    Attributes:
        tick: The number of the tick.
        e_value: The wealth now; 1/alpha or more speaks against no effect.
        largest: The largest wealth so far.
        p: An anytime-valid p-value: 1 over the largest wealth, at most 1.
        stopped_at: The tick at which 1/alpha was first reached; None where it was not.
        n_personas: How many personas have rated so far.
        n_bets: How many bets were made so far.
    """

    tick: int
    e_value: float
    largest: float
    p: float
    stopped_at: int | None
    n_personas: int
    n_bets: int

    @property
    def should_stop(self) -> bool:
        """Whether the evidence was ever enough; it stays so."""
        return self.stopped_at is not None


class EProcess:
    """The wealth of somebody who bets that a variant matters.

    Args:
        coin_of: ``persona`` where every persona has a coin of their own in every tick, ``tick``
            where one coin decides for all.
        alpha: How often it may stop although there is no effect.
        alternative: ``greater`` bets on higher ratings under +1 alone, ``less`` on lower ones;
            ``two-sided`` puts half of the money on either.
        stakes: The shares of the wealth that are bet, by as many gamblers with equal means.

    Raises:
        InvalidInputError: Alpha or a stake is not between 0 and 1.
    """

    def __init__(
        self,
        *,
        coin_of: Literal["persona", "tick"],
        alpha: float = 0.05,
        alternative: Literal["two-sided", "greater", "less"] = "two-sided",
        stakes: tuple[float, ...] = STAKES,
    ) -> None:
        if not 0 < alpha < 1 or not stakes or not all(0 < stake < 1 for stake in stakes):
            raise InvalidInputError(f"alpha {alpha} and stakes {stakes} have to be within 0 and 1")
        signs = {"two-sided": (1, -1), "greater": (1,), "less": (-1,)}[alternative]
        self._stakes = np.array([sign * stake for sign in signs for stake in stakes])
        self._log_wealth = np.zeros(len(self._stakes))
        self._coin_of = coin_of
        self._alpha = alpha
        self._past: dict[Hashable, tuple[float, int]] = {}
        self._tick, self._bets, self._largest = 0, 0, 1.0
        self._squares, self._joined = _FIRST_SCALE**2, 1
        self._stopped_at: int | None = None

    def add(
        self, tick: int, ratings: Mapping[Hashable, float], coins: Mapping[Hashable, Coin]
    ) -> Evidence:
        """Take the ratings of a tick and return what is known then.

        Args:
            tick: Its number, above that of all earlier ones.
            ratings: By persona: their rating of the tick, 1 … 5, or the mean of several.
            coins: By persona: +1 or -1, as drawn before the tick.

        Raises:
            InvalidInputError: The tick is not later, a rating is not from 1 to 5, a coin is
                missing or is neither +1 nor -1, or coins differ where there is one for the tick.
        """
        self._check(tick, ratings, coins)
        shifts = {who: self._shift(who, rating) for who, rating in ratings.items()}
        bets = [coins[who] * shift for who, shift in shifts.items()]
        if self._coin_of == "tick" and bets:
            bets = [self._joint(sum(bets) / len(bets))]
        for bet in bets:
            self._log_wealth += np.log1p(self._stakes * bet)
        for who, rating in ratings.items():
            total, count = self._past.get(who, (0.0, 0))
            self._past[who] = (total + rating, count + 1)
        self._tick, self._bets = tick, self._bets + len(bets)
        return self._evidence()

    def _evidence(self) -> Evidence:
        top = float(self._log_wealth.max())
        wealth = float(np.exp(min(top, 700.0)) * np.exp(self._log_wealth - top).mean())
        self._largest = max(self._largest, wealth)
        if self._stopped_at is None and wealth >= 1 / self._alpha:
            self._stopped_at = self._tick
        return Evidence(
            tick=self._tick,
            e_value=wealth,
            largest=self._largest,
            p=1 / self._largest,
            stopped_at=self._stopped_at,
            n_personas=len(self._past),
            n_bets=self._bets,
        )

    def _joint(self, mean: float) -> float:
        scale = 2 * math.sqrt(self._squares / self._joined)
        self._squares, self._joined = self._squares + mean**2, self._joined + 1
        return min(1.0, max(-1.0, mean / scale))

    def _shift(self, who: Hashable, rating: float) -> float:
        total, count = self._past.get(who, (_MIDDLE, 1))
        center = total / count
        reach = max(center - LOWEST, HIGHEST - center)
        return (rating - center) / reach

    def _check(
        self, tick: int, ratings: Mapping[Hashable, float], coins: Mapping[Hashable, Coin]
    ) -> None:
        if tick <= self._tick:
            raise InvalidInputError(f"tick {tick} after tick {self._tick}; ticks come in order")
        for who, rating in ratings.items():
            if not LOWEST <= rating <= HIGHEST:
                raise InvalidInputError(f"got a rating of {rating}; ratings are from 1 to 5")
            if coins.get(who) not in (1, -1):
                raise InvalidInputError(f"got {coins.get(who)!r} as a coin; it is +1 or -1")
        if self._coin_of == "tick" and len({coins[who] for who in ratings}) > 1:
            raise InvalidInputError("coins differ within a tick that has one coin for all")


def ticks_saved(evidence: Evidence, planned: int) -> float:
    """Return the share of a planned run that stopping saves, 0 … 1.

    Args:
        evidence: Of the last tick.
        planned: For how many ticks the run was planned.

    Raises:
        InvalidInputError: None were planned.
    """
    if planned < 1:
        raise InvalidInputError(f"{planned} ticks planned; at least 1 is needed")
    if evidence.stopped_at is None:
        return 0.0
    return max(0.0, 1 - evidence.stopped_at / planned)
