"""What is to be known of a run besides its tape."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

import mana_lab
from mana_lab.registry import Registry
from mana_lab.registry.manifest import tool_hash
from mana_lab.runner import Brain

MANA: Final = "Mana"
_PACKAGES = (
    "claude-agent-sdk",
    "duckdb",
    "matplotlib",
    "mcp",
    "numpy",
    "pandas",
    "pydantic",
    "pydantic-ai-slim",
    "scipy",
)


class Recording(BaseModel):
    """What decides what a run comes to, besides its seed, its personas and its tape.

    Attributes:
        versions: Of Python, mana_lab and the packages that matter, as they were when it began.
        tools: The hash of each of Mana's tools, as its manifest has it; none of one elsewhere.
        app: The app that the personas used: Mana, a Mana elsewhere, or the name and version of
            another server.
        brain: What the brain says of itself, such as its limits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    versions: dict[str, Annotated[str, Field(max_length=200)]]
    tools: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    app: str
    brain: dict[str, Any]

    @classmethod
    def of(cls, brain: Brain, registry: Registry, elsewhere: str | None) -> Recording:
        """Return what is to be known of a run that begins now.

        Args:
            brain: Who plays it.
            registry: Mana's tools.
            elsewhere: What is used instead of the lab's own Mana; None for that.
        """
        to_record = getattr(brain, "to_record", dict)
        return cls(
            versions=versions(),
            tools={spec.name: tool_hash(spec) for spec in registry} if elsewhere is None else {},
            app=elsewhere or MANA,
            brain=dict(to_record()),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as the ledger and a run folder keep it."""
        return self.model_dump()


def versions() -> dict[str, str]:
    """Return the versions of what runs here."""
    found = {"python": platform.python_version(), "mana_lab": mana_lab.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return dict(sorted(found.items()))
