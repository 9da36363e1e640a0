"""Statistics whose unit is the persona: tests, intervals, models, and what a run could find.

Pure functions over arrays and the frames of :mod:`mana_lab.analysis`. What is compared takes rows
with a ``persona_id`` and reduces them itself, or one value per persona; ratings that are passed as
if they were independent are refused (``PseudoReplicationError``), and so are the ratings of
different brains in one test. What cannot check whose its values are, such as :mod:`.permutation`
and :mod:`.intervals`, is for the others to build on and not among the names here. Importing this
package loads SciPy.
"""

from mana_lab.analysis.statistics.agreement import (
    Agreement,
    krippendorff_alpha,
    krippendorff_interval,
    persona_agreement,
    repeat_agreement,
    weighted_kappa,
)
from mana_lab.analysis.statistics.calibration import Calibrated, calibrated_mean
from mana_lab.analysis.statistics.clmm import fit_clmm, likelihood_ratio
from mana_lab.analysis.statistics.clmm_results import ClmmFit, Effect, LikelihoodRatio
from mana_lab.analysis.statistics.comparing import compare_independent, compare_paired
from mana_lab.analysis.statistics.control import control_limits
from mana_lab.analysis.statistics.drift import (
    Drift,
    ModelComparison,
    compare_models,
    compare_runs,
)
from mana_lab.analysis.statistics.effects import (
    Friedman,
    cliffs_delta,
    friedman,
    probability_better,
)
from mana_lab.analysis.statistics.journeys import journey_reliability, pass_all, pass_any
from mana_lab.analysis.statistics.means import mean_ratings
from mana_lab.analysis.statistics.modules import ModuleComparison, Pair, compare_modules
from mana_lab.analysis.statistics.multiplicity import Screening, benjamini_hochberg, holm
from mana_lab.analysis.statistics.noise import NoiseFloor, noise_floor
from mana_lab.analysis.statistics.odds import ProportionalOdds, proportional_odds
from mana_lab.analysis.statistics.planning import (
    Plan,
    coin_plan,
    minimum_detectable_effect,
    personas_needed,
    power,
)
from mana_lab.analysis.statistics.raters import rater_profiles
from mana_lab.analysis.statistics.reliability import Icc, design_effect, intraclass_correlation
from mana_lab.analysis.statistics.results import HypothesisTest, Interval
from mana_lab.analysis.statistics.sensitivity import Sensitivity, d_prime, dose_response
from mana_lab.analysis.statistics.sequential import EProcess, Evidence, ticks_saved
from mana_lab.analysis.statistics.shares import Share, clustered_share
from mana_lab.analysis.statistics.survival import (
    LogRank,
    Survival,
    kaplan_meier,
    last_activity,
    log_rank,
)
from mana_lab.analysis.statistics.units import Units, persona_means
from mana_lab.analysis.statistics.variants import (
    GroupEffect,
    VariantEffect,
    compare_between,
    compare_within,
)

__all__ = [
    "Agreement",
    "Calibrated",
    "ClmmFit",
    "Drift",
    "EProcess",
    "Effect",
    "Evidence",
    "Friedman",
    "GroupEffect",
    "HypothesisTest",
    "Icc",
    "Interval",
    "LikelihoodRatio",
    "LogRank",
    "ModelComparison",
    "ModuleComparison",
    "NoiseFloor",
    "Pair",
    "Plan",
    "ProportionalOdds",
    "Screening",
    "Sensitivity",
    "Share",
    "Survival",
    "Units",
    "VariantEffect",
    "benjamini_hochberg",
    "calibrated_mean",
    "cliffs_delta",
    "clustered_share",
    "coin_plan",
    "compare_between",
    "compare_independent",
    "compare_models",
    "compare_modules",
    "compare_paired",
    "compare_runs",
    "compare_within",
    "control_limits",
    "d_prime",
    "design_effect",
    "dose_response",
    "fit_clmm",
    "friedman",
    "holm",
    "intraclass_correlation",
    "journey_reliability",
    "kaplan_meier",
    "krippendorff_alpha",
    "krippendorff_interval",
    "last_activity",
    "likelihood_ratio",
    "log_rank",
    "mean_ratings",
    "minimum_detectable_effect",
    "noise_floor",
    "pass_all",
    "pass_any",
    "persona_agreement",
    "persona_means",
    "personas_needed",
    "power",
    "probability_better",
    "proportional_odds",
    "rater_profiles",
    "repeat_agreement",
    "ticks_saved",
    "weighted_kappa",
]
