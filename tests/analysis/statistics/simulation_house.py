"""Raters of a known kind, and how often the statistics are wrong about them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics import (
    EProcess,
    Plan,
    benjamini_hochberg,
    calibrated_mean,
    compare_independent,
    compare_modules,
    compare_runs,
    control_limits,
    d_prime,
    dose_response,
    fit_clmm,
    friedman,
    holm,
    intraclass_correlation,
    journey_reliability,
    kaplan_meier,
    krippendorff_alpha,
    krippendorff_interval,
    log_rank,
    noise_floor,
    power,
    proportional_odds,
    rater_profiles,
)
from mana_lab.analysis.statistics.intervals import bootstrap_interval, t_interval
from mana_lab.analysis.statistics.journeys import wilson_interval
from mana_lab.analysis.statistics.permutation import label_permutation, sign_flip

CUTS = np.array([-2.5, -0.8, 0.8, 2.5])
LOGISTIC_VARIANCE = np.pi**2 / 3
ALPHA = 0.05


@dataclass(frozen=True)
class Rate:
    """How often something happened in simulations.

    ``nominal`` is how often it should, ``slack`` by how much an approximation may be off, and
    ``upper_only`` says that less often is right too, ``lower_only`` that more often is.
    """

    name: str
    nominal: float
    count: int
    n: int
    slack: float = 0.0
    upper_only: bool = False
    lower_only: bool = False

    @property
    def measured(self):
        return self.count / self.n

    @property
    def allowed(self):
        """The range that a right method leaves once in 10,000 runs."""
        low, high = max(0.0, self.nominal - self.slack), min(1.0, self.nominal + self.slack)
        bottom = 0.0 if self.upper_only else stats.binom.ppf(5e-5, self.n, low) / self.n
        top = 1.0 if self.lower_only else stats.binom.ppf(1 - 5e-5, self.n, high) / self.n
        return float(bottom), float(top)

    @property
    def holds(self):
        low, high = self.allowed
        return low <= self.measured <= high


def ratings(rng, personas, ticks, *, icc=0.4, effect=0.0, slope_sd=0.0, between=False):
    """Return a table of personas and ticks of ratings, and the same of the variants (0 or 1).

    Effect and slope are log-odds. Within personas a fair coin decides, half of the ticks each.
    """
    sd = np.sqrt(icc / (1 - icc) * LOGISTIC_VARIANCE)
    persona = rng.normal(0, sd, (personas, 1))
    slope = effect + rng.normal(0, slope_sd, (personas, 1))
    if between:
        variant = np.repeat(np.arange(personas)[:, None] % 2, ticks, axis=1)
    else:
        variant = rng.permuted(np.tile(np.arange(ticks) % 2, (personas, 1)), axis=1)
    latent = persona + slope * variant + rng.logistic(size=(personas, ticks))
    return 1 + np.searchsorted(CUTS, latent), variant


def feedback(table, variant, **columns):
    """Return ratings as rows."""
    personas, ticks = table.shape
    return pd.DataFrame(
        {
            "persona_id": np.repeat([f"p{n:03}" for n in range(personas)], ticks),
            "tick": np.tile(np.arange(1, ticks + 1), personas),
            "rating": table.ravel(),
            "variant": np.where(variant.ravel() == 1, "B", "A"),
            "brain": "model",
            **columns,
        }
    )


def differences(table, variant):
    return np.array(
        [r[v == 1].mean() - r[v == 0].mean() for r, v in zip(table, variant, strict=True)]
    )


# How often tests find what is not there.

PERSONAS, TICKS = 17, 30
BETWEEN_2 = {"icc": 0.2, "between": True}
BETWEEN_5 = {"icc": 0.5, "between": True}
WITHIN_8 = {"icc": 0.4, "slope_sd": 0.8}


def pooled_t(table, variant, _rng):
    return stats.ttest_ind(table[variant == 1], table[variant == 0]).pvalue


def pooled_mann_whitney(table, variant, _rng):
    return stats.mannwhitneyu(table[variant == 1], table[variant == 0]).pvalue


def by_persona_t(table, variant, _rng):
    if (variant == variant[:, :1]).all():
        means, group = table.mean(axis=1), variant[:, 0]
        return stats.ttest_ind(means[group == 1], means[group == 0], equal_var=False).pvalue
    return stats.ttest_1samp(differences(table, variant), 0).pvalue


def by_persona_permutation(table, variant, rng):
    if (variant == variant[:, :1]).all():
        means, group = table.mean(axis=1), variant[:, 0]
        return label_permutation(means[group == 0], means[group == 1], seed=rng, resamples=999)
    return sign_flip(differences(table, variant), seed=rng)


def false_positives(test, scenario, *, n=600, seed=1):
    rng = np.random.default_rng(seed)
    tables = (ratings(rng, PERSONAS, TICKS, **scenario) for _ in range(n))
    count = sum(test(*drawn, rng) <= ALPHA for drawn in tables)
    return Rate(test.__name__.replace("_", " "), ALPHA, int(count), n)


def friedman_false_positives(*, n=2000, seed=2):
    rng = np.random.default_rng(seed)
    count = sum(friedman(ratings(rng, 10, 4)[0]).p <= ALPHA for _ in range(n))
    return Rate("Friedman, 10 personas, 4 modules", ALPHA, count, n, upper_only=True)


def holm_family_errors(*, n=300, seed=3):
    """Four modules that are rated alike by ten personas, five times each."""
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        table, variant = ratings(rng, 10, 20)
        modules = np.tile(np.repeat(list("abcd"), 5), 10)
        found = compare_modules(feedback(table, variant, module=modules), seed=rng)
        count += any(pair.p_holm <= ALPHA for pair in found.pairs)
    return Rate("Holm over 6 pairs, any false", ALPHA, count, n, upper_only=True)


def false_discoveries(*, n=400, seed=4, tests=100, true=20):
    """Return the mean share of false ones among what Benjamini-Hochberg finds."""
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(n):
        shift = np.where(np.arange(tests) < true, 3.0, 0.0)
        p = 2 * stats.norm.sf(np.abs(rng.normal(shift)))
        found = benjamini_hochberg(p, rate=0.1).found
        shares.append(found[true:].sum() / max(1, found.sum()))
    return float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(n)), 0.1 * 0.8


def log_rank_false_positives(*, n=1000, seed=5, personas=40):
    rng = np.random.default_rng(seed)
    names = [str(k) for k in range(personas)]
    count = 0
    for _ in range(n):
        strata = rng.integers(0, 3, personas)
        times = np.ceil(rng.exponential(6 + 6 * strata))
        group = np.arange(personas) % 2
        seen, gone = np.minimum(times, 14), times <= 14
        count += log_rank(seen, gone, group, personas=names, strata=strata).p <= ALPHA
    return Rate("log-rank, 3 strata, 40 personas", ALPHA, int(count), n, slack=0.01)


def odds_false_alarms(*, n=300, seed=6):
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        rows = feedback(*ratings(rng, 20, 30, effect=0.5))
        count += proportional_odds(rows, "variant").p["variant[B]"] <= ALPHA
    return Rate("proportional odds, 20 personas", ALPHA, int(count), n, slack=0.03)


def dose_false_positives(*, n=300, seed=7):
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        table, variant = ratings(rng, 10, 20)
        rows = feedback(table, variant, errors=rng.poisson(1.0, table.size))
        count += dose_response(rows, dose="errors", seed=rng).p <= ALPHA
    return Rate("dose-response slope, 10 personas", ALPHA, int(count), n)


def module_dose_false_positives(*, n=300, seed=25):
    """A module that is rated low fails often, but its ratings do not go by its failures."""
    rng = np.random.default_rng(seed)
    modules = {"calendar": (3.2, 0.35), "notes": (4.0, 0.05)}
    count = 0
    for _ in range(n):
        parts = [
            feedback(
                np.round(rng.normal(mean, 0.9, (10, 14))).clip(1, 5),
                np.zeros((10, 14)),
                module=module,
                errors=rng.binomial(2, fails, 140),
            )
            for module, (mean, fails) in modules.items()
        ]
        count += dose_response(pd.concat(parts), dose="errors", seed=rng).p <= ALPHA
    return Rate("dose-response slope, a bad module that fails", ALPHA, int(count), n)


def drift_false_alarms(*, n=300, seed=8):
    rng = np.random.default_rng(seed)
    count = distance = 0
    for _ in range(n):
        table, variant = ratings(rng, 12, 20)
        rows = feedback(table, variant)
        found = compare_runs(rows[rows["tick"] <= 10], rows[rows["tick"] > 10], seed=rng)
        count += found.alarm
        distance += found.p_distance <= ALPHA
    return (
        Rate("drift alarm, 12 personas", ALPHA, int(count), n),
        Rate("drift distance, 12 personas", ALPHA, int(distance), n),
    )


def control_false_alarms(*, runs=4, n=600, seed=25):
    """How often some run of an unchanged module is outside its limits."""
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        rows = feedback(*ratings(rng, 10, 5 * runs))
        rows = rows.assign(module="todo", run=(rows["tick"] - 1) // 5 + 1)
        count += control_limits(rows)["outside"].any()
    return Rate(f"control limits, {runs} runs, 10 personas", ALPHA, int(count), n, upper_only=True)


def noise_floor_exceeded(*, n=400, seed=9):
    """How often the mean shift of a third, unchanged run is above the floor of two others."""
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        table, variant = ratings(rng, 12, 40)
        rows = feedback(table, variant)
        quarter = (rows["tick"] - 1) // 10
        floor = noise_floor(rows[quarter == 0], rows[quarter == 1])
        means = rows.assign(quarter=quarter).groupby(["persona_id", "quarter"])["rating"].mean()
        shift = means.unstack().mean()
        count += abs(shift[3] - shift[2]) > floor.mean
    return Rate("noise floor exceeded, 12 personas", ALPHA, int(count), n, slack=0.01)


# How often intervals hold the truth.


def true_mean_difference(effect, *, icc=0.4, slope_sd=0.0):
    """Return the mean difference in rating points over very many personas."""
    rng = np.random.default_rng(99)
    sd = np.sqrt(icc / (1 - icc) * LOGISTIC_VARIANCE)
    eta = rng.normal(0, sd, 200_000)
    moved = eta + effect + rng.normal(0, slope_sd, len(eta))
    above = [stats.logistic.sf(cut - moved) - stats.logistic.sf(cut - eta) for cut in CUTS]
    return float(np.sum(above, axis=0).mean())


def mean_coverage(make, name, *, personas=PERSONAS, n=1000, seed=10, slack=0.0, effect=0.5):
    rng = np.random.default_rng(seed)
    truth = true_mean_difference(effect, slope_sd=0.8)
    count = 0
    for _ in range(n):
        drawn = ratings(rng, personas, TICKS, effect=effect, slope_sd=0.8)
        low, high = make(differences(*drawn), rng)
        count += low <= truth <= high
    return Rate(f"{name}, {personas} personas", 0.95, int(count), n, slack)


def ends(interval):
    return interval.low, interval.high


def studentised(values, rng):
    return ends(bootstrap_interval(values, seed=rng, resamples=999))


def student(values, _rng):
    return ends(t_interval(values))


def percentile(values, rng):
    draws = values[rng.integers(0, len(values), (999, len(values)))].mean(axis=1)
    return np.quantile(draws, [0.025, 0.975])


def welch_coverage(*, n=300, seed=11):
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        means = ratings(rng, 20, 10)[0].mean(axis=1)
        groups = {"first_personas": range(8), "second_personas": range(8, 20)}
        found = compare_independent(means[:8], means[8:], seed=rng, **groups)
        count += 0.0 in found.interval
    return Rate("Welch, 8 and 12 personas", 0.95, count, n, slack=0.01)


def clmm_coverage(*, personas, slope_sd, n=200, seed=12):
    """Return the coverage of the model's interval and of the robust one."""
    rng = np.random.default_rng(seed)
    plain = robust = 0
    for _ in range(n):
        drawn = ratings(rng, personas, TICKS, effect=0.5, slope_sd=slope_sd)
        effect = fit_clmm(feedback(*drawn), "variant")["variant[B]"]
        plain += 0.5 in effect.interval
        robust += 0.5 in effect.robust_interval
    name = f"{personas} personas, slope sd {slope_sd:g}"
    return (
        Rate(f"CLMM Wald, {name}", 0.95, plain, n, slack=0.01),
        Rate(f"CLMM robust, {name}", 0.95, robust, n, slack=0.03),
    )


def rare_modules_named(*, personas, modules, slope_sd, n, seed=21):
    """Return how often a model names a module, after Holm, where each persona used four of many.

    No module is rated otherwise than others, but by some personas.
    """
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        rows = []
        for who, taste in enumerate(rng.normal(0, 1, personas)):
            for module in rng.choice(modules, 4, replace=False):
                place = taste + rng.normal(0, slope_sd)
                said = place + rng.logistic(size=1 + rng.poisson(3))
                rows += [(f"p{who}", f"m{module}", 1 + int((y > CUTS).sum())) for y in said]
        found = pd.DataFrame(rows, columns=["persona_id", "module", "rating"])
        p = holm([effect.robust_p for effect in fit_clmm(found, "module").effects])
        count += bool((p <= ALPHA).any())
    name = (
        f"CLMM names a rare module, {personas} personas, {modules} modules, slope sd {slope_sd:g}"
    )
    return Rate(name, ALPHA, count, n, upper_only=True)


def tied_coverage(*, personas, n=1000, seed=22):
    """Return how often the interval holds a mean of shares of which most are 0."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(n):
        shares = rng.binomial(5, 0.1, personas) / 5
        held += 0.1 in bootstrap_interval(shares, seed=rng, resamples=999)
    return Rate(f"studentised or Student's, most are 0, {personas} personas", 0.95, held, n, 0.06)


def icc_coverage(*, n=500, seed=13):
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(12), 10)
    count = 0
    for _ in range(n):
        values = np.repeat(rng.normal(0, 1, 12), 10) + rng.normal(0, 1, 120)
        count += 0.5 in intraclass_correlation(values, owners).interval
    return Rate("ICC(1), 12 personas", 0.95, count, n)


def agreement_coverage(*, n=400, seed=24, personas=10):
    """Alpha of personas on eight modules, against that of very many personas."""
    modules = np.linspace(-2, 2, 8)

    def drawn(rng, count):
        persona = rng.normal(0, np.sqrt(0.3 / 0.7 * LOGISTIC_VARIANCE), (count, 1))
        latent = modules + persona + rng.logistic(size=(count, len(modules)))
        return 1 + np.searchsorted(CUTS, latent)

    truth = krippendorff_alpha(drawn(np.random.default_rng(99), 5_000)).alpha
    rng = np.random.default_rng(seed)
    count = sum(truth in krippendorff_interval(drawn(rng, personas)) for _ in range(n))
    return Rate(f"Krippendorff's alpha, {personas} personas", 0.95, count, n, slack=0.02)


def wilson_coverage(*, n=4000, seed=14):
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.05, 0.95, n)
    hits = rng.binomial(10, rates)
    count = sum(
        rate in wilson_interval(10, int(hit)) for rate, hit in zip(rates, hits, strict=True)
    )
    return Rate("Wilson, 10 trials", 0.95, count, n, slack=0.01)


def journey_coverage(*, personas, tries=5, truth=0.95, n=4000, seed=25):
    """How often the interval of a success rate holds it where personas do not differ."""
    hits = np.random.default_rng(seed).binomial(1, truth, n * personas * tries)
    rows = pd.DataFrame(
        {
            "journey": np.repeat(np.arange(n), personas * tries),
            "persona_id": np.tile(np.repeat(np.arange(personas), tries), n),
            "success": hits == 1,
        }
    )
    found = journey_reliability(rows, k=1)
    count = int(((found["low"] <= truth) & (truth <= found["high"])).sum())
    name = f"journey, {personas} personas, {tries} tries, {truth:.0%}"
    return Rate(name, 0.95, count, n, lower_only=True)


def pass_all_bias(*, n=2000, seed=15):
    """Return the mean of pass^3 over simulations, its standard error and the truth."""
    rng = np.random.default_rng(seed)
    hits = rng.binomial(1, 0.8, (n, 6))
    rows = pd.DataFrame(
        {
            "journey": np.repeat(np.arange(n), 6),
            "persona_id": "anna",
            "success": hits.ravel() == 1,
        }
    )
    found = journey_reliability(rows, k=3)["pass_hat_k"]
    return float(found.mean()), float(found.std() / np.sqrt(n)), 0.8**3


def calibration_coverage(*, n=1000, seed=16):
    """Personas that flatter, and follow people half of the way."""
    rng = np.random.default_rng(seed)
    ids, count = {"people": range(20), "personas": range(200)}, 0
    for _ in range(n):
        people = rng.normal(3.0, 0.8, 220)
        persona = 3.9 + 0.6 * (people - 3.0) + rng.normal(0, 0.4, 220)
        found = calibrated_mean(people[:20], persona[:20], persona[20:], **ids)
        count += 3.0 in found.interval
    return Rate("calibration, 20 people", 0.95, count, n, slack=0.02)


def survival_coverage(*, n=500, seed=17):
    """The share left after ten ticks, of forty personas of whom some are censored."""
    rng = np.random.default_rng(seed)
    names = [str(k) for k in range(40)]
    truth = float(np.exp(-10 / 12))
    count = 0
    for _ in range(n):
        times, ends_at = rng.exponential(12, 40), rng.uniform(8, 30, 40)
        found = kaplan_meier(np.minimum(times, ends_at), times <= ends_at, personas=names)
        place = int(np.searchsorted(found.times, 10, side="right")) - 1
        count += found.low[place] <= truth <= found.high[place]
    return Rate("Kaplan-Meier at 10 ticks, 40 personas", 0.95, int(count), n, slack=0.015)


def median_coverage(*, n=500, seed=18):
    rng = np.random.default_rng(seed)
    names = [str(k) for k in range(40)]
    truth = 12 * np.log(2)
    count = 0
    for _ in range(n):
        times, ends_at = rng.exponential(12, 40), rng.uniform(8, 30, 40)
        found = kaplan_meier(np.minimum(times, ends_at), times <= ends_at, personas=names)
        count += truth in found.median_interval
    return Rate("median survival, 40 personas", 0.95, int(count), n, slack=0.02)


def sensitivity_coverage(*, n=2000, seed=19):
    rng = np.random.default_rng(seed)
    h, f = stats.norm.cdf([1.0, -0.5])
    hits, alarms = rng.binomial(40, h, n), rng.binomial(40, f, n)
    count = sum(
        1.5 in d_prime(int(a), 40, int(b), 40).interval for a, b in zip(hits, alarms, strict=True)
    )
    return Rate("d', 40 faults", 0.95, count, n, slack=0.02)


# Stopping early.


def stops(*, coin_of, effect, n=200, seed=20, personas=PERSONAS, ticks=60):
    """Return at which tick each of *n* runs stopped; None where it did not."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        sd = np.sqrt(0.4 / 0.6 * LOGISTIC_VARIANCE)
        persona = rng.normal(0, sd, personas)
        process = EProcess(coin_of=coin_of)
        for tick in range(1, ticks + 1):
            size = personas if coin_of == "persona" else 1
            coins = np.broadcast_to(rng.choice([-1, 1], size), personas)
            latent = persona + effect * (coins == 1) + rng.logistic(size=personas)
            rated = dict(enumerate((1 + np.searchsorted(CUTS, latent)).tolist()))
            last = process.add(tick, rated, dict(enumerate(coins.tolist())))
            if last.should_stop:
                break
        found.append(last.stopped_at)
    return found


def false_stops(coin_of, *, n=300, seed=20):
    count = sum(stop is not None for stop in stops(coin_of=coin_of, effect=0.0, n=n, seed=seed))
    return Rate(f"e-process, coin of the {coin_of}", ALPHA, count, n, upper_only=True)


def peeked_mann_whitney_stops(*, n=300, seed=21, personas=PERSONAS, ticks=60):
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(n):
        table, _ = ratings(rng, personas, ticks)
        coins = rng.integers(0, 2, table.shape)
        for tick in range(2, ticks + 1):
            seen, coin = table[:, :tick], coins[:, :tick]
            if stats.mannwhitneyu(seen[coin == 1], seen[coin == 0]).pvalue <= ALPHA:
                count += 1
                break
    return Rate("Mann-Whitney, looked at after every tick", ALPHA, count, n)


# Planning.


def simulated_power(plan, effect, *, n=1500, seed=22):
    """Return how often normal ratings of a plan are told apart, beside what was computed."""
    rng = np.random.default_rng(seed)
    between, within = np.sqrt(plan.icc) * plan.rating_sd, np.sqrt(1 - plan.icc) * plan.rating_sd
    count = 0
    for _ in range(n):
        persona = rng.normal(0, between, (plan.personas, 1))
        values = persona + rng.normal(0, within, (plan.personas, plan.ticks))
        shift = effect + rng.normal(0, plan.slope_sd, plan.personas)
        if plan.design == "within":
            half = plan.ticks // 2
            gaps = values[:, :half].mean(axis=1) + shift - values[:, half:].mean(axis=1)
            p = stats.ttest_1samp(gaps, 0).pvalue
        else:
            means, half = values.mean(axis=1), plan.personas // 2
            p = stats.ttest_ind(means[:half] + effect, means[half:]).pvalue
        count += p <= plan.alpha
    name = f"power {plan.design}, {plan.personas} personas, {plan.ticks} ticks"
    return Rate(name, power(plan, effect), int(count), n)


# Raters.


def rater(kind, rng, ticks=40, modules=("todo", "journal", "notes")):
    """Return the rows of a rater of a kind; what goes wrong is the errors with a module."""
    errors = rng.poisson(rng.uniform(0.2, 0.8), (ticks, len(modules)))
    mood, care = rng.uniform(3.3, 4.8), rng.uniform(0.5, 1.1)
    honest = np.round(mood - care * errors + rng.normal(0, 0.6, errors.shape)).clip(1, 5)
    table = {
        "responsive": lambda: honest,
        "constant": lambda: np.full(errors.shape, 4),
        "central": lambda: rng.choice([2, 3, 4], errors.shape, p=[0.06, 0.88, 0.06]),
        "sycophantic": lambda: rng.choice([3, 4, 5], errors.shape, p=[0.01, 0.42, 0.57]),
        "random": lambda: rng.integers(1, 6, errors.shape),
        "straight_lining": lambda: np.repeat(rng.integers(1, 6, (ticks, 1)), len(modules), axis=1),
    }[kind]()
    return pd.DataFrame(
        {
            "persona_id": kind,
            "brain": "model",
            "tick": np.repeat(np.arange(1, ticks + 1), len(modules)),
            "module": np.tile(modules, ticks),
            "rating": table.astype(int).ravel(),
            "errors": errors.ravel(),
        }
    )


def flagged(kind, flag, *, n=300, seed=23):
    """Return how often raters of a kind get a flag; ``any`` counts every one."""
    rng = np.random.default_rng(seed)
    rows = pd.concat(
        [rater(kind, rng).assign(persona_id=str(k)) for k in range(n)], ignore_index=True
    )
    found = rater_profiles(rows)
    raised = found[list(DEGENERATE)].fillna(False)
    hits = raised.any(axis="columns") if flag == "any" else raised[flag]
    return Rate(f"{kind} raters flagged {flag}", np.nan, int(hits.sum()), n)


DEGENERATE = ("constant", "central", "sycophantic", "random", "straight_lining")
FALSE_POSITIVES = (pooled_t, pooled_mann_whitney, by_persona_t, by_persona_permutation)
SCENARIOS = {
    "between, ICC 0.2": BETWEEN_2,
    "between, ICC 0.5": BETWEEN_5,
    "within, slope sd 0.8": WITHIN_8,
}
PLANS = (
    (Plan(17, 30, "within", icc=0.4, rating_sd=1.3, slope_sd=0.4), 0.36),
    (Plan(10, 7, "within", icc=0.3, rating_sd=1.0, slope_sd=0.3), 0.5),
    (Plan(60, 10, "between", icc=0.4, rating_sd=1.3, slope_sd=0.0), 0.6),
)
