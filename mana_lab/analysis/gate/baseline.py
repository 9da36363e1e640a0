"""Baselines: what runs of an app that was good came to, in one file.

The file is JSON: ``format`` is ``mana-lab-baseline``, ``version`` 1; then the brain, the model, how
many days a run has, the runs with their seeds, and for each module what each persona did in all
runs together (:class:`~mana_lab.analysis.gate.measures.Use`), and by how much two of the runs
differ although nothing was changed (the noise floor, an A/A comparison). Means are counted from
``rating_sum / ratings`` and ``failed / calls``. The same runs give the same bytes.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from mana_lab.analysis.gate.measures import MEASURES, REACH, Measure, Measured, Use, Uses
from mana_lab.analysis.statistics.noise import floor_of
from mana_lab.analysis.statistics.results import counted
from mana_lab.analysis.trust.noise import FEWEST
from mana_lab.crypto.strictjson import strict_json
from mana_lab.errors import BaselineError, InvalidJsonError

FORMAT: Final = "mana-lab-baseline"
VERSION: Final = 1
MOST_BYTES: Final = 64 * 1024**2
ALPHA: Final = 0.05
"""How often a change is reported where there is none, all modules together."""

_Share: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=400)]


class BaselineRun(BaseModel):
    """A run of the baseline.

    Attributes:
        number: The how-manieth of its lab it was.
        seed: What all randomness derived from.
        starts_at: Its first moment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    seed: int
    starts_at: AwareDatetime


class Floors(BaseModel):
    """What the mean over the personas stays under where nothing was changed.

    Attributes:
        rating: In rating points. None where no two runs have enough personas who rated
            (:data:`~mana_lab.analysis.trust.noise.FEWEST`), or differ by so much that no change
            could be larger.
        failed: As a share of the calls; None where no two runs have enough who called, or as above.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rating: _Share | None = None
    failed: _Share | None = None

    @field_validator(*MEASURES)
    @classmethod
    def _within_reach(cls, floor: float | None, about: ValidationInfo) -> float | None:
        reach = {str(measure): most for measure, most in REACH.items()}[str(about.field_name)]
        return None if floor is None or floor >= reach else floor

    @property
    def known(self) -> bool:
        """Whether there is any."""
        return self.rating is not None or self.failed is not None


class BaselineModule(BaseModel):
    """A module in the baseline.

    Attributes:
        floor: By how much runs of the same app differ: the largest noise floor of two of them.
        personas: What each persona did in all runs together, by e-mail address.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: Floors
    personas: Annotated[dict[_Text, Use], Field(min_length=1)]


class Baseline(BaseModel):
    """What a run is held against.

    Attributes:
        format: ``mana-lab-baseline``.
        version: Of the format.
        made_by: The version of mana_lab that measured it.
        alpha: The level of tests and floors.
        brain: Who played the personas.
        model: The model behind that, where there was one.
        days: How many days each run has.
        runs: The runs.
        modules: The modules, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["mana-lab-baseline"] = FORMAT
    version: Literal[1] = VERSION
    made_by: _Text
    alpha: Annotated[float, Field(gt=0, lt=1)] = ALPHA
    brain: _Text
    model: _Text | None
    days: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    runs: Annotated[tuple[BaselineRun, ...], Field(min_length=2)]
    modules: Annotated[dict[_Text, BaselineModule], Field(min_length=1)]

    def text(self) -> str:
        """Return the baseline as its file; the same baseline, the same text."""
        content = self.model_dump(mode="json")
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @property
    def personas(self) -> frozenset[str]:
        """The addresses of all who are in it."""
        return frozenset(who for module in self.modules.values() for who in module.personas)


def baseline_of(runs: Sequence[Measured], *, made_by: str) -> Baseline:
    """Return the baseline of runs of one app in which nothing was changed.

    Args:
        runs: At least two, of the same brain, model and length, and of different seeds.
        made_by: The version of mana_lab.

    Raises:
        BaselineError: They are fewer, or not of one kind, or one is another one again, or no
            module has a noise floor.
    """
    if len(runs) < 2:
        raise BaselineError(
            f"a baseline of {len(runs)} run; it takes two of the same app, because only they "
            "tell what differs although nothing was changed: live another one with another seed "
            "in a lab that was seeded alike"
        )
    first = runs[0]
    for other in runs[1:]:
        check_comparable(first.brain, first.model, first.days, other)
    for one, two in combinations(runs, 2):
        if one.modules == two.modules:
            raise BaselineError(
                f"the runs of the seeds {one.seed} and {two.seed} are the same to the last call, "
                "so that they do not tell what runs differ by; take another seed"
            )
    modules = _modules(runs)
    if not any(module.floor.known for module in modules.values()):
        raise BaselineError(
            f"no module has a noise floor: it takes {FEWEST} personas who used one in two runs "
            f"and differ by less than they can, and {counted(_shared(runs), 'persona')} used one "
            "in two; live the runs in labs that were seeded with the same personas, such as seed "
            "--sample 40"
        )
    return Baseline(
        made_by=made_by,
        brain=first.brain,
        model=first.model,
        days=first.days,
        runs=tuple(
            BaselineRun(number=run.number, seed=run.seed, starts_at=run.starts_at) for run in runs
        ),
        modules=modules,
    )


def check_comparable(brain: str, model: str | None, days: float, run: Measured) -> None:
    """Check that a run can be held against others.

    Args:
        brain: Who played the others.
        model: The model behind that.
        days: How long they were.
        run: The run.

    Raises:
        BaselineError: It is of another brain, model or length; the message names both.
    """
    expected, found = (_played_by(*who) for who in ((brain, model), (run.brain, run.model)))
    if expected != found:
        raise BaselineError(
            f"run {run.number} was played by {found}, and is to be held against {expected}; what "
            "different brains or models do and say is not compared"
        )
    if run.days != days:
        raise BaselineError(
            f"run {run.number} has {run.days:g} days, and is to be held against {days:g}; "
            "personas learn with time, so that only runs of the same length are compared"
        )


def read_baseline(path: Path) -> Baseline:
    """Read a file that :meth:`Baseline.text` wrote.

    Raises:
        BaselineError: There is no such file, or it is too large, damaged, another one or of
            another version; the message says what is wrong where.
    """
    content = _content(path)
    kind = content.get("format") if isinstance(content, dict) else None
    if kind != FORMAT:
        raise BaselineError(
            f"{path.name}: is no baseline; make one with: python -m mana_lab baseline --out FILE"
        )
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        raise BaselineError(
            f"{path.name}: has version {str(version)[:40]!r}; this mana_lab reads {VERSION}"
        )
    try:
        return Baseline.model_validate(content)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, wrong["loc"]))[:120]
        raise BaselineError(f"{path.name}: {where}: {wrong['msg']}") from None


def _content(path: Path) -> Any:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise BaselineError(f"{path}: is no file")
        if state.st_size > MOST_BYTES:
            raise BaselineError(f"{path}: has {state.st_size} bytes, and may have {MOST_BYTES}")
        return strict_json(path.read_bytes())
    except FileNotFoundError:
        raise BaselineError(
            f"{path}: there is no such file; make one with: python -m mana_lab baseline --out FILE"
        ) from None
    except OSError as error:
        raise BaselineError(f"{path}: {error.strerror or error}") from None
    except InvalidJsonError:
        raise BaselineError(f"{path}: is not JSON that can be read in one way only") from None


def _modules(runs: Sequence[Measured]) -> dict[str, BaselineModule]:
    names = sorted({name for run in runs for name in run.modules})
    return {name: _module([run.modules.get(name, {}) for run in runs]) for name in names}


def _shared(runs: Sequence[Measured]) -> int:
    """Return how many personas used the same module in two runs, at most."""
    both = (
        len(uses.keys() & two.modules.get(name, {}).keys())
        for one, two in combinations(runs, 2)
        for name, uses in one.modules.items()
    )
    return max(both, default=0)


def _module(runs: Sequence[Uses]) -> BaselineModule:
    personas: dict[str, Use] = {}
    for uses in runs:
        for who, use in uses.items():
            personas[who] = personas.get(who, Use()) + use
    floors = {measure: _floor(runs, measure) for measure in MEASURES}
    return BaselineModule(floor=Floors(**floors), personas=dict(sorted(personas.items())))


def _floor(runs: Sequence[Uses], measure: Measure) -> float | None:
    found = []
    for one, two in combinations(runs, 2):
        gaps = [
            after - before
            for who in sorted(one.keys() & two.keys())
            if (before := one[who].value(measure)) is not None
            and (after := two[who].value(measure)) is not None
        ]
        if len(gaps) >= FEWEST:
            found.append(floor_of(gaps, alpha=ALPHA).mean)
    return max(found, default=None)


def _played_by(brain: str, model: str | None) -> str:
    return f"{brain} ({model})" if model else brain
