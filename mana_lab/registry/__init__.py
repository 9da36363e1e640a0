"""The registry: where tools are declared, and what they stand on.

Knows identity and sync through their clients; knows nothing of MCP, personas or any one tool.
"""

from mana_lab.errors import ToolInputError
from mana_lab.registry.admission import ADMITTED, Admission, admits
from mana_lab.registry.backend import Backend
from mana_lab.registry.context import ProgressReport, ToolContext
from mana_lab.registry.keys import MasterKeyClient
from mana_lab.registry.models import (
    CalendarDate,
    Done,
    HexColor,
    Integer,
    PageInput,
    PageOutput,
    PositiveInteger,
    ToolInput,
    ToolOutput,
    UtcTime,
    Uuid,
    integral,
)
from mana_lab.registry.principal import Principal, SpaceLike
from mana_lab.registry.records import Page, PolicyHint, Records
from mana_lab.registry.registry import AnyToolSpec, Registry
from mana_lab.registry.spec import Scope, ToolSpec, tool
from mana_lab.registry.tables import Table

__all__ = [
    "ADMITTED",
    "Admission",
    "AnyToolSpec",
    "Backend",
    "CalendarDate",
    "Done",
    "HexColor",
    "Integer",
    "MasterKeyClient",
    "Page",
    "PageInput",
    "PageOutput",
    "PolicyHint",
    "PositiveInteger",
    "Principal",
    "ProgressReport",
    "Records",
    "Registry",
    "Scope",
    "SpaceLike",
    "Table",
    "ToolContext",
    "ToolInput",
    "ToolInputError",
    "ToolOutput",
    "ToolSpec",
    "UtcTime",
    "Uuid",
    "admits",
    "integral",
    "tool",
]
