"""What tests of the older era's sessions share."""

import gc

from gateway_house import legacy
from mcp.server.streamable_http import StreamableHTTPServerTransport

from mana_lab.gateway.sessions import Session


class Sessions:
    """The sessions of this process that were opened since this was made."""

    def __init__(self):
        self._before = _all()

    def live(self):
        """Return how many there are, here and in the MCP server behind."""
        known = set(map(id, self._before))
        new = [each for each in _all() if id(each) not in known]
        ours = sum(type(each) is Session for each in new)
        behind = [each for each in new if type(each) is StreamableHTTPServerTransport]
        return ours, sum(not each.is_terminated for each in behind)


def _all():
    gc.collect()
    kinds = {Session, StreamableHTTPServerTransport}
    return [each for each in gc.get_objects() if type(each) in kinds]


async def use(http, method, session):
    request = legacy("tools/list", session, id=7)
    body = {"json": request["json"]} if method == "POST" else {}
    return await http.request(method, "/mcp", headers=request["headers"], **body)


def hello(**params):
    whole = {"protocolVersion": "2025-11-25", "capabilities": {}}
    return legacy("initialize", **whole, clientInfo={"name": "test", "version": "1"}, **params)
