"""How often the statistics are wrong, beside what they promise, as two tables of Markdown.

Run it with ``python tests/benchmarks/error_rates.py``; it takes some minutes. The first table has
the share of simulations without an effect in which a test at 5 % finds one, of 17 personas who
rate 30 times each; the second how often intervals hold the truth, families of tests have a false
finding, runs stop for nothing, and plans find what is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis" / "statistics"))

import numpy as np
import simulation_house as house

WITHIN = ((10, 0.0), (10, 0.8), (17, 0.0), (17, 0.8))


def false_positives():
    print("| analysis | " + " | ".join(house.SCENARIOS) + " |")
    print("|---|" + "---|" * len(house.SCENARIOS))
    for test in house.FALSE_POSITIVES:
        rates = [house.false_positives(test, scenario) for scenario in house.SCENARIOS.values()]
        print(f"| {rates[0].name} | " + " | ".join(f"{r.measured:.1%}" for r in rates) + " |")


def rates():
    """Yield what is simulated, one rate after the other."""
    yield house.friedman_false_positives()
    yield house.holm_family_errors()
    yield house.log_rank_false_positives()
    yield house.odds_false_alarms()
    yield house.dose_false_positives()
    yield house.module_dose_false_positives()
    yield from house.drift_false_alarms()
    yield house.noise_floor_exceeded()
    for make in (house.percentile, house.studentised, house.student):
        for personas in (10, 17):
            yield house.mean_coverage(make, f"mean, {make.__name__}", personas=personas)
    yield house.welch_coverage()
    for personas, slope_sd in WITHIN:
        yield from house.clmm_coverage(personas=personas, slope_sd=slope_sd, n=1000)
    for modules, slope_sd in ((10, 0.0), (14, 0.0), (10, 0.8)):
        yield house.rare_modules_named(personas=10, modules=modules, slope_sd=slope_sd, n=300)
    for personas in (6, 8, 10):
        yield house.tied_coverage(personas=personas)
    yield house.icc_coverage()
    yield house.agreement_coverage()
    yield house.wilson_coverage()
    for personas in (4, 8, 20):
        yield house.journey_coverage(personas=personas)
    yield house.calibration_coverage()
    yield house.survival_coverage()
    yield house.median_coverage()
    yield house.sensitivity_coverage()
    yield house.peeked_mann_whitney_stops()
    for coin_of in ("persona", "tick"):
        yield house.false_stops(coin_of, n=1000)
    for plan in house.PLANS:
        yield house.simulated_power(*plan)


def more():
    """Print what has no binomial rate."""
    found, error, nominal = house.false_discoveries()
    name = "Benjamini-Hochberg, share of false discoveries"
    print(f"| {name} | {nominal:.1%} | {found:.1%} (se {error:.1%}) | 400 |")
    for kind, flag in (("responsive", "any"), *((kind, kind) for kind in house.DEGENERATE)):
        rate = house.flagged(kind, flag)
        print(f"| {rate.name} | | {rate.measured:.1%} | {rate.n} |")


def early():
    print("| coin | effect in points | stopped of 60 ticks | median tick |")
    print("|---|---|---|---|")
    for coin_of in ("persona", "tick"):
        for effect in (0.5, 0.7, 1.1):
            stops = house.stops(coin_of=coin_of, effect=effect)
            share = np.mean([stop is not None for stop in stops])
            points = house.true_mean_difference(effect)
            median = np.median([stop or 60 for stop in stops])
            print(f"| of the {coin_of} | {points:.2f} | {share:.0%} | {median:.0f} |")


def main():
    false_positives()
    print()
    print("| what | nominal | measured | simulations |")
    print("|---|---|---|---|")
    for rate in rates():
        print(f"| {rate.name} | {rate.nominal:.1%} | {rate.measured:.1%} | {rate.n} |", flush=True)
    more()
    print()
    early()


if __name__ == "__main__":
    main()
