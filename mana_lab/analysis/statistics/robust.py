"""Robust errors: how sure an estimate is that rests on personas, who are few and unlike.

The sandwich of the personas' gradients is too small where few of them carry an effect: at the
maximum their gradients cancel, and of one persona alone nothing is left. So each persona's gradient
is divided by what of the information the others have, as the jackknife does (CV3 of MacKinnon,
Nielsen and Webb 2023, *Journal of Applied Econometrics* 38), and Student's distribution has as
many degrees of freedom as there are personas behind the effect, less one. These are counted by
their parts in its information (Carter, Schnepel and Steigerwald 2017, *Review of Economics and
Statistics* 99): personas with equal parts count as they are, and unequal ones as fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mana_lab.analysis.statistics.results import Floats

_ALONE = 1e-6
"""A part of the information that is nearer to all of it is that of one persona alone."""


@dataclass(frozen=True)
class Errors:
    """How sure the parameters of a model are; NaN where nobody knows.

    Attributes:
        plain: Standard errors from the information.
        robust: From the personas' gradients.
        behind: How many personas are behind each parameter, effectively.
    """

    plain: Floats
    robust: Floats
    behind: Floats

    @classmethod
    def unknown(cls, size: int) -> Errors:
        """Return those of a model without an optimum.

        Args:
            size: How many parameters it has.
        """
        return cls(*np.full((3, size), np.nan))


def clustered(scores: Floats, information: Floats) -> Errors:
    """Return the errors of parameters at the maximum.

    Args:
        scores: Each persona's gradient, a row per persona.
        information: Each persona's observed information, by persona, parameter and parameter; the
            sum has to be positive definite.
    """
    personas, size = scores.shape
    covariance = np.linalg.inv(information.sum(axis=0))
    left = np.linalg.pinv(np.eye(size) - information @ covariance, rcond=_ALONE)
    pulls = np.einsum("gab,gb->ga", left, scores) @ covariance
    variance = (pulls**2).sum(axis=0) * (personas - 1) / personas
    parts = np.einsum("ja,gab,bj->gj", covariance, information, covariance)
    return Errors(
        plain=np.sqrt(np.diag(covariance)),
        robust=np.sqrt(variance),
        behind=np.diag(covariance) ** 2 / (parts**2).sum(axis=0),
    )
