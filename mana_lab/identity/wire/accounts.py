"""Accounts: signing up and signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

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
