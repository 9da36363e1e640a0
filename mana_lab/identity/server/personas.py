"""Personas: their accounts and records, and whose tick is due."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from mana_lab.clock import Clock
from mana_lab.errors import (
    ConflictError,
    EmailTakenError,
    HumanAccountError,
    InvalidInputError,
    NotAPersonaError,
    NotFoundError,
)
from mana_lab.identity.cadence import is_due
from mana_lab.identity.server.accounts import Accounts, NewAccount, Rank, create_account
from mana_lab.identity.server.schema import (
    PERSONA_ACTIONS,
    PERSONA_FEEDBACK,
    PERSONAS,
    USERS,
)
from mana_lab.identity.server.spaces import hand_over_spaces
from mana_lab.identity.server.users import find_user, get_user
from mana_lab.identity.wire import (
    ActionRow,
    DuePersona,
    ModuleRating,
    PersonaCreated,
    PersonaDetail,
    PersonaProfile,
    PersonaSummary,
    PersonaUpsert,
)
from mana_lab.storage import Store, insert_or_ignore

PERSONA_RANK = Rank(role="user", tier="founder", kind="persona")
"""What a persona's account is."""

_RECENT = 20


class Personas:
    """Keeps the personas' records.

    Args:
        store: The identity store.
        accounts: Makes their accounts, through the same door as everybody's.
        clock: The lab's time.
    """

    def __init__(self, store: Store, accounts: Accounts, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock

    def now(self) -> datetime:
        """Return the lab's time."""
        return self._clock.now()

    async def upsert(self, wanted: PersonaUpsert) -> PersonaCreated:
        """Make a persona's account and record, or bring the record up to date, in one transaction.

        The password of an account that is there already stays.

        Raises:
            HumanAccountError: The address belongs to a person.
            InvalidInputError: The time zone does not exist.
        """
        _check_zone(wanted.timezone)
        known = await self._store.read(lambda connection: find_user(connection, wanted.email))
        draft = None
        if known is None:
            draft = await self._accounts.draft(
                wanted.email, wanted.password, wanted.name, PERSONA_RANK
            )
        now = self._clock.now()
        return await self._store.write(lambda connection: _upsert(connection, wanted, draft, now))

    async def summaries(self) -> list[PersonaSummary]:
        """Return all personas, the newest first."""
        since = self._clock.now() - timedelta(days=7)
        recent = (
            select(PERSONA_ACTIONS.c.persona_id, func.count().label("actions7d"))
            .where(PERSONA_ACTIONS.c.occurred_at >= since)
            .group_by(PERSONA_ACTIONS.c.persona_id)
            .subquery()
        )
        query = (
            _records()
            .add_columns(func.coalesce(recent.c.actions7d, 0).label("actions7d"))
            .outerjoin(recent, recent.c.persona_id == PERSONAS.c.user_id)
            .order_by(PERSONAS.c.created_at.desc(), USERS.c.email)
        )
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [PersonaSummary.model_validate(_as_dict(row)) for row in rows]

    async def detail(self, user_id: str) -> PersonaDetail:
        """Return one persona with their latest calls and mean ratings.

        Raises:
            NotFoundError: There is no such persona.
        """
        return await self._store.read(lambda connection: _detail(connection, user_id))

    async def delete(self, user_id: str) -> None:
        """Delete a persona and all that is theirs here.

        Raises:
            NotFoundError: There is no such account.
            NotAPersonaError: The account is a person's.
        """

        def work(connection: Connection) -> None:
            user = get_user(connection, user_id)
            if user is None:
                raise NotFoundError("Not found")
            if user.kind != "persona":
                raise NotAPersonaError("Refusing to delete non-persona user via this endpoint")
            hand_over_spaces(connection, user)
            connection.execute(delete(USERS).where(USERS.c.id == user_id))

        await self._store.write(work)

    async def everybody(self) -> list[DuePersona]:
        """Return all personas, by e-mail address."""
        query = _records().where(USERS.c.kind == "persona")
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        rows = sorted(rows, key=lambda row: str(row.email))  # databases sort by their own locale
        return [DuePersona.model_validate(_as_dict(row)) for row in rows]

    async def due(self) -> list[DuePersona]:
        """Return whose tick is due, by e-mail address."""
        now = self._clock.now()
        return [
            each
            for each in await self.everybody()
            if is_due(each.tick_cadence, each.timezone, each.last_active_at, now)
        ]


def _records() -> Select[tuple[Any, ...]]:
    return select(PERSONAS, USERS.c.email, USERS.c.name).join(
        USERS, USERS.c.id == PERSONAS.c.user_id
    )


def _as_dict(row: Row[tuple[Any, ...]]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def _upsert(
    connection: Connection, wanted: PersonaUpsert, draft: NewAccount | None, now: datetime
) -> PersonaCreated:
    user = find_user(connection, wanted.email)
    created = False
    if user is None:
        if draft is None:
            raise ConflictError("the account was deleted in the meantime; try again")
        with suppress(EmailTakenError):  # somebody else may make it at the same time
            create_account(connection, draft, now)
            created = True
        user = find_user(connection, wanted.email)
        assert user is not None  # noqa: S101 - it is there now
    if user.kind != PERSONA_RANK.kind:
        raise HumanAccountError("the address is a person's account, not a persona's")
    if wanted.name is not None:
        connection.execute(update(USERS).where(USERS.c.id == user.id).values(name=wanted.name))
    record = wanted.model_dump(exclude={"email", "password", "name"})
    fresh = {"user_id": user.id, "created_at": now, **record}
    if not insert_or_ignore(connection, PERSONAS, [fresh]):
        connection.execute(update(PERSONAS).where(PERSONAS.c.user_id == user.id).values(**record))
    return PersonaCreated(user_id=user.id, email=user.email, created=created)


def _detail(connection: Connection, user_id: str) -> PersonaDetail:
    record = connection.execute(_records().where(PERSONAS.c.user_id == user_id)).first()
    if record is None:
        raise NotFoundError("Not found")
    recent = (
        select(PERSONA_ACTIONS)
        .where(PERSONA_ACTIONS.c.persona_id == user_id)
        .order_by(PERSONA_ACTIONS.c.occurred_at.desc(), PERSONA_ACTIONS.c.seq.desc())
        .limit(_RECENT)
    )
    ratings = (
        select(
            PERSONA_FEEDBACK.c.module,
            func.avg(PERSONA_FEEDBACK.c.rating).label("avg_rating"),
            func.count().label("count"),
        )
        .where(PERSONA_FEEDBACK.c.persona_id == user_id)
        .group_by(PERSONA_FEEDBACK.c.module)
        .order_by(PERSONA_FEEDBACK.c.module)
    )
    return PersonaDetail(
        persona=PersonaProfile.model_validate(_as_dict(record)),
        recent_actions=[ActionRow.model_validate(_as_dict(r)) for r in connection.execute(recent)],
        feedback_by_module=[
            ModuleRating.model_validate(_as_dict(row)) for row in connection.execute(ratings)
        ],
    )


def _check_zone(zone: str | None) -> None:
    try:
        if zone is not None:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInputError("timezone: must be an IANA name such as Europe/Berlin") from None
