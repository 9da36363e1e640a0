"""What a shard's worker must know and no file may say: the ledger's address and two secrets."""

from __future__ import annotations

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr


class Access(BaseModel):
    """The secrets of whoever lives a shard.

    Attributes:
        ledger_url: The database of the ledger.
        service_key: What identity's internal endpoints ask for.
        seed_secret: What the personas' passwords derive from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ledger_url: SecretStr
    service_key: SecretStr
    seed_secret: SecretStr

    def reveal(self) -> str:
        """Return all of it in plain, for another process."""
        return json.dumps({name: value.get_secret_value() for name, value in self})

    @classmethod
    def revealed(cls, text: str) -> Self:
        """Read what :meth:`reveal` wrote."""
        return cls.model_validate_json(text)
