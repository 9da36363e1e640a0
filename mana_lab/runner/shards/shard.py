"""The file of a shard: what somebody needs to know who lives one part of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mana_lab.errors import InvalidInputError, ManaLabError, SettingsError
from mana_lab.runner.budget import Budget
from mana_lab.runner.run import RunPlan

_MOST_PERSONAS = 100_000
_MOST_BYTES = 64 * 1024 * 1024
_MOST_SHARDS = 100_000

_Url = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/[^\s]*)?$", max_length=2048)]
_Email = Annotated[str, Field(min_length=3, max_length=320)]


class Site(BaseModel):
    """Where the services stand that a shard uses.

    Attributes:
        auth_url: Base URL of the identity service.
        mcp_url: The gateway's MCP endpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    auth_url: _Url
    mcp_url: _Url


class Shard(BaseModel):
    """One part of a run: some personas, from when until when. It holds no secret.

    Attributes:
        version: Of this form.
        run_id: The run.
        number: Which part of it, from 1.
        of: How many parts there are.
        personas: The e-mail addresses of those whose ticks it has.
        starts_at: The first moment, in UTC.
        ends_at: The moment at which it ends, in UTC.
        seed: What all randomness of the run derives from.
        brain: Who plays the personas, by name.
        concurrency: How many of them use the app at the same time.
        budget: What models may take in the whole run; all parts share it through the ledger.
        site: Where the services stand.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    run_id: Annotated[str, Field(pattern="^[0-9a-f-]{36}$")]
    number: Annotated[int, Field(ge=1)]
    of: Annotated[int, Field(ge=1, le=_MOST_SHARDS)]
    personas: Annotated[tuple[_Email, ...], Field(min_length=1, max_length=_MOST_PERSONAS)]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    brain: Annotated[str, Field(min_length=1, max_length=256)]
    concurrency: Annotated[int, Field(ge=1, le=10_000)]
    budget: Budget = Field(default_factory=Budget)
    site: Site

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidInputError: It is not a shard.
        """
        try:
            shard = cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise InvalidInputError(f"this is not a shard: {place}: {first['msg']}") from None
        except ManaLabError as error:
            raise InvalidInputError(f"this is not a shard: budget: {error.message}") from None
        if shard.number > shard.of or shard.ends_at <= shard.starts_at:
            raise InvalidInputError(
                "this is not a shard: its number is above how many there are, or it ends before "
                "it begins"
            )
        return shard

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a shard's file.

        Raises:
            SettingsError: It cannot be read, or is larger than 64 MiB.
            InvalidInputError: It is not a shard.
        """
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
        if len(text) > _MOST_BYTES:
            raise SettingsError(f"{path} is larger than {_MOST_BYTES} bytes; it is no shard")
        return cls.from_json(text)

    def to_json(self) -> str:
        """Return it as JSON."""
        return self.model_dump_json(indent=2)

    def plan(self, brain: str, model: str | None) -> RunPlan:
        """Return what the part sets out to do.

        Args:
            brain: The name of the brain that plays.
            model: The model behind it, where there is one.
        """
        return RunPlan(
            self.seed, brain, model, self.starts_at, self.ends_at, frozenset(self.personas)
        )
