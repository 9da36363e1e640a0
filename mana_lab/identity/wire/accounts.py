"""Accounts: signing up and signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from mana_lab.crypto.jwt import MAX_LIFETIME_S
from mana_lab.identity.wire.base import (
    Email,
    Kind,
    Name,
    Password,
    RequestModel,
    Role,
    Tier,
    WireModel,
)


class User(WireModel):
    """An account as its owner sees it."""

    id: str
    email: str
    name: str
    email_verified: bool = False
    role: Role = "user"
    access_tier: Tier = "public"
    kind: Kind = "human"
    created_at: datetime | None = None
    updated_at: datetime | None = None


class RegisterRequest(RequestModel):
    """``POST /api/v1/auth/register``."""

    email: Email
    password: Password = Field(repr=False)
    name: Name | None = None
    source_app_url: Annotated[str, StringConstraints(max_length=2000)] | None = None


class Registered(WireModel):
    """The answer to a sign-up; no token, because signing in is a step of its own."""

    token: None = None
    user: User


class LoginRequest(RequestModel):
    """``POST /api/v1/auth/login``."""

    email: Annotated[str, StringConstraints(max_length=320)]
    password: Annotated[str, StringConstraints(max_length=1024)] = Field(repr=False)


class Login(WireModel):
    """The answer to a sign-in.

    Attributes:
        access_token: The JWT, for every service; 15 minutes long.
        refresh_token: The opaque session token.
        token: The same as ``refresh_token``.
        user: Who signed in.
    """

    redirect: bool = False
    token: str = Field(repr=False)
    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    user: User


class SessionToken(RequestModel):
    """A body that may carry the session token, where no cookie does.

    It is that of ``POST /api/v1/auth/refresh``, ``/session-to-token`` and ``/logout``.
    """

    refresh_token: Annotated[str, StringConstraints(max_length=512)] | None = Field(
        default=None, repr=False
    )


class LongTokenRequest(RequestModel):
    """``POST /api/v1/internal/auth/long-token``.

    Attributes:
        refresh_token: The session token of whom the access token is for.
        lifetime_sec: How long it is to be good for, in seconds; at most a day.
    """

    refresh_token: Annotated[str, StringConstraints(max_length=512)] = Field(repr=False)
    lifetime_sec: Annotated[int, Field(ge=1, le=MAX_LIFETIME_S, strict=True)]


class TokenPair(WireModel):
    """A fresh access token, and the session token that it was given for."""

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)


class Success(WireModel):
    """An answer of Better Auth that says no more than that it was done."""

    success: bool = True


class TokenToValidate(RequestModel):
    """``POST /api/v1/auth/validate``."""

    token: Annotated[str, StringConstraints(max_length=20_000)] | None = Field(
        default=None, repr=False
    )


class Validated(WireModel):
    """Whether an access token is good now, and if so what it says."""

    valid: bool
    payload: dict[str, Any] | None = None


class SignupStatus(WireModel):
    """Whether signing up is possible.

    Attributes:
        registration_open: Whether it is.
        spots_remaining: How many more may sign up today; None for any number.
        total_today: How many have.
        limit: How many may a day; 0 for any number.
        resets_at: When the next day begins.
    """

    registration_open: bool
    spots_remaining: int | None
    total_today: int
    limit: int
    resets_at: datetime
