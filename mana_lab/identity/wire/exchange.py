"""Exchanging a caller's token for one that opens less (RFC 8693)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mana_lab.crypto.exchanged import SCOPES, SYNC_AUDIENCE, SYNC_WRITE
from mana_lab.crypto.jwt import MAX_TOKEN_CHARS
from mana_lab.identity.wire.spaces import SpaceId

PERSONAL_PREFIX: Final = "_personal:"
"""With the user's id after it: where the sync service keeps what names no space."""

_TOOL = r"^[A-Za-z0-9_.:-]{1,120}$"


class TokenExchange(BaseModel):
    """``POST /api/v1/auth/token-exchange``; the body is a form, each parameter once.

    Attributes:
        grant_type: Says that this is an exchange.
        subject_token: The caller's access token.
        subject_token_type: Of what kind it is.
        requested_token_type: Of what kind the answer is to be; there is only one.
        audience: The one service that the answer is for.
        scope: The one thing that it is for; by default reading.
        space: The only space that it opens; only a token for the identity service may go without.
        tool: What it is made for; one for writing has to say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    grant_type: Literal["urn:ietf:params:oauth:grant-type:token-exchange"]
    subject_token: Annotated[str, StringConstraints(max_length=MAX_TOKEN_CHARS)] = Field(repr=False)
    subject_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"]
    requested_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"] | None = None
    audience: Literal["identity", "sync"]
    scope: Literal["spaces:read", "vault:read", "vault:renew", "sync:read", "sync:write"] | None = (
        None
    )
    space: SpaceId | None = None
    tool: Annotated[str, StringConstraints(pattern=_TOOL)] | None = None

    @model_validator(mode="after")
    def _belongs_together(self) -> TokenExchange:
        if self.wanted not in SCOPES[self.audience]:
            raise ValueError(f"scope: for {self.audience} it is {_either(SCOPES[self.audience])}")
        if self.audience == SYNC_AUDIENCE and self.space is None:
            raise ValueError("space: has to be named for the sync service")
        if self.wanted == SYNC_WRITE and self.tool is None:
            raise ValueError("tool: has to be named for writing")
        return self

    @property
    def wanted(self) -> str:
        """What the answer is to be for."""
        return self.scope or SCOPES[self.audience][0]


class ExchangedToken(BaseModel):
    """The answer to an exchange (RFC 8693 §2.2.1), with the member names of OAuth.

    Attributes:
        access_token: The exchanged token.
        issued_token_type: Of what kind it is.
        token_type: How it is shown.
        expires_in: How many seconds it lives.
        scope: What it is for.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    access_token: str = Field(repr=False, min_length=1, max_length=MAX_TOKEN_CHARS)
    issued_token_type: str
    token_type: str
    expires_in: Annotated[int, Field(ge=0)]
    scope: str


def exchange_body() -> dict[str, Any]:
    """Return what an OpenAPI operation says of the body of an exchange."""
    schema = TokenExchange.model_json_schema()
    for name, said in schema["properties"].items():
        # a form has no null: what may be None may be left out
        known = next(iter(said.get("anyOf", [said])))
        schema["properties"][name] = {**known, "title": said["title"]}
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
