"""Accounts: signing up and signing in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select

from mana_lab.clock import Clock
from mana_lab.errors import EmailTakenError, InvalidCredentialsError, SettingsError
from mana_lab.identity.server.config import AdminAccount
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.lockout import check_unlocked, count_failure, forget_failures
from mana_lab.identity.server.passwords import PasswordHasher
from mana_lab.identity.server.schema import ACCOUNTS, USERS
from mana_lab.identity.server.sessions import NewSession, open_session
from mana_lab.identity.server.signups import check_open, count_signup, signup_status
from mana_lab.identity.server.spaces import create_personal_space
from mana_lab.identity.server.tokens import Tokens
from mana_lab.identity.server.users import as_user, find_user, get_user
from mana_lab.identity.wire import Kind, Login, Role, SignupStatus, Tier, User, normalise_email
from mana_lab.storage import Store, insert_or_ignore

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
        max_daily_signups: How many people may sign up a day; 0 for any number.
    """

    def __init__(
        self,
        store: Store,
        hasher: PasswordHasher,
        tokens: Tokens,
        clock: Clock,
        max_daily_signups: int = 0,
    ) -> None:
        self._store = store
        self._max_daily_signups = max_daily_signups
        self._hasher = hasher
        self._tokens = tokens
        self._clock = clock

    async def register(self, email: str, password: str, name: str | None = None) -> User:
        """Make an account of lowest rank, with its personal space, in one transaction.

        Raises:
            EmailTakenError: The address has an account.
            SignupsClosedError: As many people signed up today as may.
        """
        limit, now = self._max_daily_signups, self._clock.now()
        await self._store.read(lambda connection: check_open(connection, limit, now))
        account = await self.draft(email, password, name)

        def work(connection: Connection) -> User:
            user = create_account(connection, account, now)
            count_signup(connection, limit, now)
            return user

        return await self._store.write(work)

    async def signup_status(self) -> SignupStatus:
        """Return whether signing up is possible."""
        limit, now = self._max_daily_signups, self._clock.now()
        return await self._store.read(lambda connection: signup_status(connection, limit, now))

    async def draft(
        self, email: str, password: str, name: str | None = None, rank: Rank | None = None
    ) -> NewAccount:
        """Hash the password of an account that a transaction of the caller's shall make."""
        return NewAccount(email, await self._hasher.hash(password), name, rank or Rank())

    async def sign_in(self, email: str, password: str) -> Login:
        """Check the password and open a session.

        Whether the password is still looked at is decided where the session is made or the failure
        counted, so that tries at the same time get no more than tries one after another.

        Raises:
            InvalidCredentialsError: E-mail and password do not belong together; an address
                without an account gets the same answer after the same time.
            AccountLockedError: There were too many wrong passwords for the address.
        """
        address = normalise_email(email)
        row = await self._store.read(
            lambda connection: _unlocked_credential(connection, address, self._clock.now())
        )
        right = await self._hasher.verify(password, row.password if row else None)
        user = as_user(row) if row is not None and right else None
        session = NewSession()
        if not await self._store.write(
            lambda connection: _decide(connection, address, user, session, self._clock.now())
        ):
            raise InvalidCredentialsError("Invalid credentials")
        assert user is not None  # noqa: S101 - nobody else gets a session
        access = await self._tokens.mint(user, session.id)
        return Login(
            token=session.token, access_token=access, refresh_token=session.token, user=user
        )

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
    user_id = new_id()
    name = account.name or account.email.partition("@")[0]
    rank = account.rank
    row = {
        "id": user_id,
        "name": name,
        "email": account.email,
        "email_verified": rank != Rank(),
        "role": rank.role,
        "access_tier": rank.tier,
        "kind": rank.kind,
        "created_at": now,
        "updated_at": now,
    }
    if not insert_or_ignore(connection, USERS, [row]):
        raise EmailTakenError("an account with this e-mail address exists; sign in instead")
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


def _unlocked_credential(
    connection: Connection, address: str, now: datetime
) -> Row[tuple[object, ...]] | None:
    check_unlocked(connection, address, now)
    return _credential(connection, address)


def _decide(
    connection: Connection, address: str, user: User | None, session: NewSession, now: datetime
) -> bool:
    """Open the session of a user whose password was right, or count a failure."""
    if user is None or get_user(connection, user.id) is None:
        count_failure(connection, address, now)
        return False
    check_unlocked(connection, address, now, deciding=True)
    forget_failures(connection, address)
    open_session(connection, user.id, session, now)
    return True


def _credential(connection: Connection, email: str) -> Row[tuple[object, ...]] | None:
    if "\x00" in email:  # nobody has such an address, and PostgreSQL takes no such text
        return None
    query = (
        select(USERS, ACCOUNTS.c.password)
        .join(ACCOUNTS, ACCOUNTS.c.user_id == USERS.c.id)
        .where(USERS.c.email == email, ACCOUNTS.c.provider_id == _CREDENTIAL)
    )
    return connection.execute(query).first()
