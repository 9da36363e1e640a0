"""The sync service: an append-only log of changes that only members of a space can read.

Only the lab and the service's own command import this package; everybody else is a client.
"""

from mana_lab.sync.server.access import CachingMembershipSource, MembershipSource
from mana_lab.sync.server.app import create_app
from mana_lab.sync.server.live import Patience
from mana_lab.sync.server.log import ChangeLog
from mana_lab.sync.server.memberships import HttpMemberships
from mana_lab.sync.server.notices import Notices
from mana_lab.sync.server.tables import METADATA

__all__ = [
    "METADATA",
    "CachingMembershipSource",
    "ChangeLog",
    "HttpMemberships",
    "MembershipSource",
    "Notices",
    "Patience",
    "create_app",
]
