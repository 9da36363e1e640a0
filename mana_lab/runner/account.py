"""Accounts: a user signs in with their password once, and stays signed in, as people do."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field

from mana_lab.errors import UnauthenticatedError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import User


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in.

    Attributes:
        user: Who.
        session_token: What fresh access tokens are given for, as long as the session lasts.
    """

    user: User
    session_token: str = field(repr=False)


class Account:
    """How one user gets access tokens.

    A password costs the identity service most of what a visit costs; a session costs it nothing.

    Args:
        identity: Where they sign in.
        email: The account's address.
        password: Its password.
        sessions: Who is signed in, by address; shared by the visits of a fleet.
    """

    def __init__(
        self,
        identity: IdentityClient,
        email: str,
        password: str,
        sessions: MutableMapping[str, SignedIn] | None = None,
    ) -> None:
        self._identity = identity
        self._email = email
        self._password = password
        self._sessions = {} if sessions is None else sessions

    async def enter(self) -> tuple[User, str]:
        """Return who is signed in and a fresh access token; sign in where no session lasts.

        Raises:
            InvalidCredentialsError: E-mail and password do not belong together.
            ManaLabError: Identity refused, or cannot be reached.
        """
        known = self._sessions.get(self._email)
        if known is not None:
            try:
                pair = await self._identity.refresh(known.session_token)
            except UnauthenticatedError:
                self._sessions.pop(self._email, None)
            else:
                return known.user, pair.access_token
        login = await self._identity.login(self._email, self._password)
        self._sessions[self._email] = SignedIn(login.user, login.refresh_token)
        return login.user, login.access_token

    async def token(self) -> str:
        """Return a fresh access token; raises what :meth:`enter` does."""
        return (await self.enter())[1]
