"""Brains that a language model plays personas with, through pydantic-ai.

Nothing else of mana_lab imports this package: ``pip install 'mana-lab[llm]'``, then::

    from mana_lab.runner.models import ModelBrain

    async with ModelBrain("anthropic:claude-sonnet-5-5") as brain:
        run = await lab.run(days=2, seed=7, brain=brain)
"""

from mana_lab.errors import SettingsError

try:
    import pydantic_ai as _pydantic_ai  # noqa: F401 - the rest of the package needs it
except ImportError:
    raise SettingsError(
        "a brain that a model plays needs pydantic-ai: pip install 'mana-lab[llm]'"
    ) from None

from mana_lab.runner.models.brain import ModelBrain, model_brain
from mana_lab.runner.models.estimates import Estimate, estimate
from mana_lab.runner.models.flow import Flow, LocalFlow
from mana_lab.runner.models.pace import Pace
from mana_lab.runner.models.prices import Price
from mana_lab.runner.models.shared_flow import SharedFlow
from mana_lab.runner.playing.limits import ModelLimits

__all__ = [
    "Estimate",
    "Flow",
    "LocalFlow",
    "ModelBrain",
    "ModelLimits",
    "Pace",
    "Price",
    "SharedFlow",
    "estimate",
    "model_brain",
]
