"""Accounts: signing up and signing in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, insert, select

from mana_lab.clock import Clock
from mana_lab.errors import EmailTakenError, InvalidCredentialsError, SettingsError
from mana_lab.identity.server.config import AdminAccount
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.passwords import PasswordHasher
from mana_lab.identity.server.schema import ACCOUNTS, SESSIONS, USERS
from mana_lab.identity.server.spaces import create_personal_space
from mana_lab.identity.server.tokens import Tokens
from mana_lab.identity.wire import Kind, Login, Role, Tier, User, normalise_email
from mana_lab.storage import Store

SESSION_LIFETIME = timedelta(days=7)
"""How long a session, and with it the refresh token, is good for."""

_CREDENTIAL = "credential"


@dataclass(frozen=True)
class Rank:
    """What an account is; nobody can choose it at sign-up."""

    role: Role = "user"
    tier: Tier = "public"
    kind: Kind = "human"


@dataclass(frozen=True)
class NewAccount:
    """An account to be made.

    Attributes:
        email: Its address, normalised.
        hashed: The hash of its password.
        name: What to call its owner; by default the address's local part.
        rank: What it is to be.
    """

    email: str
    hashed: str = field(repr=False)
    name: str | None = None
    rank: Rank = field(default_factory=Rank)


class Accounts:
    """Signs people up and in.

    Args:
        store: The identity store.
        hasher: Hashes passwords.
        tokens: Mints access tokens.
        clock: The lab's time.
    """

    def __init__(self, store: Store, hasher: PasswordHasher, tokens: Tokens, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._tokens = tokens
        self._clock = clock

    async def register(self, email: str, password: str, name: str | None = None) -> User:
        """Make an account of lowest rank, with its personal space, in one transaction.

        Raises:
            EmailTakenError: The address has an account.
        """
        account = await self.draft(email, password, name)
        now = self._clock.now()
        return await self._store.write(lambda connection: create_account(connection, account, now))

    async def draft(
        self, email: str, password: str, name: str | None = None, rank: Rank | None = None
    ) -> NewAccount:
        """Hash the password of an account that a transaction of the caller's shall make."""
        return NewAccount(email, await self._hasher.hash(password), name, rank or Rank())

    async def sign_in(self, email: str, password: str) -> Login:
        """Check the password and open a session.

        Raises:
            InvalidCredentialsError: E-mail and password do not belong together; an address
                without an account gets the same answer after the same time.
        """
        address = normalise_email(email)
        row = await self._store.read(lambda connection: _credential(connection, address))
        right = await self._hasher.verify(password, row.password if row else None)
        if row is None or not right:
            raise InvalidCredentialsError("Invalid credentials")
        user = as_user(row)
        session_id, token = new_id(), secrets.token_urlsafe(24)
        now = self._clock.now()

        def work(connection: Connection) -> None:
            connection.execute(
                delete(SESSIONS).where(SESSIONS.c.user_id == user.id, SESSIONS.c.expires_at < now)
            )
            connection.execute(
                insert(SESSIONS).values(
                    id=session_id,
                    user_id=user.id,
                    token_hash=hashlib.sha256(token.encode()).hexdigest(),
                    expires_at=now + SESSION_LIFETIME,
                    created_at=now,
                )
            )

        await self._store.write(work)
        access = await self._tokens.mint(user, session_id)
        return Login(token=token, access_token=access, refresh_token=token, user=user)

    async def ensure_admin(self, admin: AdminAccount) -> None:
        """Make the operator's account; again is harmless, and its password stays.

        Raises:
            SettingsError: Somebody else has an account with the address.
        """
        email = normalise_email(admin.email)
        known = await self._store.read(lambda connection: find_user(connection, email))
        if known is None:
            rank = Rank(role="admin", tier="founder")
            account = await self.draft(email, admin.password, "Operator", rank)
            now = self._clock.now()

            def work(connection: Connection) -> User:
                return find_user(connection, email) or create_account(connection, account, now)

            known = await self._store.write(work)
        if known.role != "admin":
            raise SettingsError(
                "the administrator's address belongs to an account that is none; name another"
            )


def create_account(connection: Connection, account: NewAccount, now: datetime) -> User:
    """Make an account and its personal space.

    Raises:
        EmailTakenError: The address has an account.
    """
    if find_user(connection, account.email) is not None:
        raise EmailTakenError("an account with this e-mail address exists; sign in instead")
    user_id = new_id()
    name = account.name or account.email.partition("@")[0]
    rank = account.rank
    connection.execute(
        insert(USERS).values(
            id=user_id,
            name=name,
            email=account.email,
            email_verified=rank != Rank(),
            role=rank.role,
            access_tier=rank.tier,
            kind=rank.kind,
            created_at=now,
            updated_at=now,
        )
    )
    connection.execute(
        insert(ACCOUNTS).values(
            id=new_id(),
            user_id=user_id,
            account_id=user_id,
            provider_id=_CREDENTIAL,
            password=account.hashed,
            created_at=now,
            updated_at=now,
        )
    )
    create_personal_space(
        connection, user_id=user_id, name=name, email=account.email, tier=rank.tier, now=now
    )
    user = get_user(connection, user_id)
    assert user is not None  # noqa: S101 - it was inserted above
    return user


def find_user(connection: Connection, email: str) -> User | None:
    """Return the account with that address."""
    row = connection.execute(select(USERS).where(USERS.c.email == email)).first()
    return as_user(row) if row else None


def get_user(connection: Connection, user_id: str) -> User | None:
    """Return the account with that id."""
    row = connection.execute(select(USERS).where(USERS.c.id == user_id)).first()
    return as_user(row) if row else None


def as_user(row: Row[tuple[object, ...]]) -> User:
    """Return a row of ``users`` as its owner sees it."""
    return User.model_validate({name: getattr(row, name) for name in User.model_fields})


def _credential(connection: Connection, email: str) -> Row[tuple[object, ...]] | None:
    query = (
        select(USERS, ACCOUNTS.c.password)
        .join(ACCOUNTS, ACCOUNTS.c.user_id == USERS.c.id)
        .where(USERS.c.email == email, ACCOUNTS.c.provider_id == _CREDENTIAL)
    )
    return connection.execute(query).first()
