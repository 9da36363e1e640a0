"""People who call tools, and every byte that comes back to them."""

import re

import isolation_wire as wire
from isolation_house import acting

_SEALED = re.compile(rb'"requestState":"[^"]+"')


class Person:
    """Somebody who uses the app.

    Attributes:
        session: The id of their session of the older era.
        received: Every answer; session ids and sealed questions, which are random, levelled out.
    """

    def __init__(self, mana, name, token):
        self.mana, self.name, self.token = mana, name, token
        self.session = None
        self.received = []

    async def send(self, request):
        acting.set(self.name)
        answer = await wire.send(self.mana.app, request, self.token)
        raw = _SEALED.sub(b'"requestState":"..."', answer.raw)
        for session in filter(None, (self.session, answer.header("mcp-session-id"))):
            raw = raw.replace(session.encode(), b"...")
        self.received.append(raw)
        return answer

    async def call(self, name, /, *, space=None, meta=None, modern=None, more=None, **arguments):
        """Call a tool in both eras; return the last answer."""
        params = {"name": name, "arguments": arguments, **(more or {})}
        if modern is not False:
            answer = await self.send(wire.modern("tools/call", params, space=space, meta=meta))
        if modern is not True:
            session = self.session
            answer = await self.send(
                wire.legacy("tools/call", params, space=space, meta=meta, session=session)
            )
        return answer

    async def open(self):
        self.session = (await self.send(wire.opening())).header("mcp-session-id")
