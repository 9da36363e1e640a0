"""Tables of the app: where a tool keeps its records, and which fields of them are encrypted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Table:
    """One collection of the sync service.

    Attributes:
        app_id: The app in the sync service, such as ``todo``.
        name: The collection in it, such as ``tasks``.
        encrypted: The fields that leave this process only encrypted.
    """

    app_id: str
    name: str
    encrypted: tuple[str, ...] = ()
