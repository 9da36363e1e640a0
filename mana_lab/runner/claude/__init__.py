"""A brain that Claude plays personas with, through the Claude Agent SDK.

Nothing else of mana_lab imports this package: ``pip install 'mana-lab[claude-agent]'``, then::

    from mana_lab.runner.claude import ClaudeBrain

    async with ClaudeBrain("claude-sonnet-5-5") as brain:
        run = await lab.run(days=2, seed=7, brain=brain)
"""

from mana_lab.errors import SettingsError

try:
    import claude_agent_sdk as _claude_agent_sdk  # noqa: F401 - the rest of the package needs it
except ImportError:
    raise SettingsError(
        "a brain that Claude plays needs the Claude Agent SDK: pip install 'mana-lab[claude-agent]'"
    ) from None

from mana_lab.runner.claude.brain import DOLLARS_PER_TICK, ClaudeBrain
from mana_lab.runner.claude.places import Places, free_memory
from mana_lab.runner.playing.limits import ModelLimits

__all__ = ["DOLLARS_PER_TICK", "ClaudeBrain", "ModelLimits", "Places", "free_memory"]
