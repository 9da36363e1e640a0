"""The interval of Wilson (1927) for a share, in SQL.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
the American Statistical Association 22 (158), 1927; without correction for continuity, at 95 %.
It takes the trials for independent; calls of one persona are not, so it describes how little is
known of a share and is no test.
"""

from __future__ import annotations

from typing import Final

Z: Final = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""


def share_with_interval(part: str, whole: str, name: str) -> str:
    """Return columns for a share, its lower and its upper limit; missing where *whole* is 0.

    Args:
        part: The column of the successes.
        whole: The column of the trials.
        name: What to call the share; the limits get ``_low`` and ``_high``.
    """
    share = f"({part} / nullif({whole}, 0))"
    middle = f"({share} + {Z**2} / (2 * {whole}))"
    half = f"({Z} * sqrt({share} * (1 - {share}) / {whole} + {Z**2} / (4.0 * {whole} * {whole})))"
    scale = f"(1 + {Z**2} / {whole})"
    return (
        f"{share} AS {name}, "
        f"CASE WHEN {part} = 0 AND {whole} > 0 THEN 0.0 "
        f"ELSE ({middle} - {half}) / {scale} END AS {name}_low, "
        f"CASE WHEN {part} = {whole} AND {whole} > 0 THEN 1.0 "
        f"ELSE ({middle} + {half}) / {scale} END AS {name}_high"
    )


INTERVAL: Final = "of the interval of Wilson, at 95 %"
