"""What tests of the older era's sessions share."""

import gc

from gateway_house import legacy
from mcp.server.streamable_http import StreamableHTTPServerTransport

from mana_lab.gateway.sessions import Session


def live():
    """Return how many sessions there are, here and in the MCP server behind."""
    gc.collect()
    things = gc.get_objects()
    ours = sum(type(each) is Session for each in things)
    behind = [each for each in things if type(each) is StreamableHTTPServerTransport]
    return ours, sum(not each.is_terminated for each in behind)


async def use(http, method, session):
    request = legacy("tools/list", session, id=7)
    body = {"json": request["json"]} if method == "POST" else {}
    return await http.request(method, "/mcp", headers=request["headers"], **body)


def hello(**params):
    whole = {"protocolVersion": "2025-11-25", "capabilities": {}}
    return legacy("initialize", **whole, clientInfo={"name": "test", "version": "1"}, **params)
