"""What personas did and thought: audited calls, ratings and the ends of ticks.

The id of a row derives from the tick and the row's place in it, and a row that is there already
stays as it is. So a tick that is recorded again, in any order, leaves the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from mana_lab.clock import Clock
from mana_lab.errors import ConflictError, InvalidInputError, NotFoundError
from mana_lab.identity.server.schema import PERSONA_ACTIONS, PERSONA_FEEDBACK, PERSONAS
from mana_lab.identity.wire import ActionRecord, FeedbackRecord
from mana_lab.storage import Store, insert_or_ignore

_LONGEST_ID = 255


class Activity:
    """Records what personas did and thought.

    Args:
        store: The identity store.
        clock: The lab's time, for records that do not say theirs.
        wall_clock: The moment of writing, for ``created_at``.
    """

    def __init__(self, store: Store, *, clock: Clock, wall_clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wall = wall_clock

    async def record_actions(self, user_id: str, actions: Sequence[ActionRecord]) -> int:
        """Store audited calls; a row that is there already stays as it is.

        Returns:
            The number of rows that were really added.

        Raises:
            NotFoundError: There is no such persona.
            InvalidInputError: A given id is not the one that its record has.
            ConflictError: A row of this id is another persona's.
        """
        rows = [self._action_row(user_id, place, action) for place, action in enumerate(actions)]
        newest = max(row["occurred_at"] for row in rows)

        def work(connection: Connection) -> int:
            _touch(connection, user_id, newest)
            return _add(connection, PERSONA_ACTIONS, user_id, rows)

        return await self._store.write(work)

    async def record_feedback(self, user_id: str, feedback: Sequence[FeedbackRecord]) -> int:
        """Store ratings; a row that is there already stays as it is.

        Returns:
            The number of rows that were really added.

        Raises:
            NotFoundError: There is no such persona.
            ConflictError: A row of this id is another persona's.
        """
        rows = [self._feedback_row(user_id, record) for record in feedback]

        def work(connection: Connection) -> int:
            _find(connection, user_id)
            return _add(connection, PERSONA_FEEDBACK, user_id, rows)

        return await self._store.write(work)

    async def record_tick(self, user_id: str, occurred_at: datetime | None) -> None:
        """Note that a tick has ended, whatever became of it: the persona is not due again.

        Raises:
            NotFoundError: There is no such persona.
        """
        moment = occurred_at or self._clock.now()
        await self._store.write(lambda connection: _touch(connection, user_id, moment))

    def _action_row(self, user_id: str, place: int, action: ActionRecord) -> dict[str, Any]:
        seq = place if action.seq is None else action.seq
        row_id = f"{action.tick_id}-{seq}-{action.tool_name}"[:_LONGEST_ID]
        if action.id not in (None, row_id):
            raise InvalidInputError(
                f"actions.{place}.id: must be tickId, seq and toolName joined by hyphens; "
                "or leave it out"
            )
        return action.model_dump() | {
            "id": row_id,
            "persona_id": user_id,
            "seq": seq,
            "module": action.module or action.tool_name.partition(".")[0],
            "occurred_at": action.occurred_at or self._clock.now(),
            "created_at": self._wall.now(),
        }

    def _feedback_row(self, user_id: str, record: FeedbackRecord) -> dict[str, Any]:
        return record.model_dump() | {
            "id": f"{record.tick_id}-{record.module}"[:_LONGEST_ID],
            "persona_id": user_id,
            "occurred_at": record.occurred_at or self._clock.now(),
            "created_at": self._wall.now(),
        }


def _add(connection: Connection, table: Table, user_id: str, rows: Sequence[dict[str, Any]]) -> int:
    foreign = select(table.c.id).where(
        table.c.id.in_([row["id"] for row in rows]), table.c.persona_id != user_id
    )
    if connection.execute(foreign).first() is not None:
        raise ConflictError("another persona has a row of this tick; use tick ids of your own")
    return insert_or_ignore(connection, table, rows)


def _find(connection: Connection, user_id: str) -> Row[tuple[Any, ...]]:
    row = connection.execute(select(PERSONAS).where(PERSONAS.c.user_id == user_id)).first()
    if row is None:
        raise NotFoundError("Persona not found")
    return row


def _touch(connection: Connection, user_id: str, moment: datetime) -> None:
    before = _find(connection, user_id).last_active_at
    if before is None or before < moment:
        connection.execute(
            update(PERSONAS).where(PERSONAS.c.user_id == user_id).values(last_active_at=moment)
        )
