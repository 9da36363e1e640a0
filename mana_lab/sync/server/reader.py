"""A reader who stays: what they may see is found out again each time they look."""

from __future__ import annotations

from mana_lab.crypto import Claims, TokenVerifier
from mana_lab.sync.server.access import Access


class Reader:
    """Somebody with a token that may end, in a session that may be signed out.

    Args:
        token: Their access token; it may be set to a later one.
        verifier: Judges it.
        access: Which spaces they may read.
    """

    def __init__(self, token: str, verifier: TokenVerifier, access: Access) -> None:
        self.token = token
        self._verifier = verifier
        self._access = access

    async def claims(self) -> Claims:
        """Return what the token says.

        Raises:
            UnauthenticatedError: It is none, or past its end.
            ServiceUnavailableError: It cannot be judged.
        """
        return await self._verifier.verify(self.token)

    async def spaces(self) -> frozenset[str]:
        """Return the spaces that they may read now.

        Raises:
            UnauthenticatedError: The token is none, or past its end, or its session was signed out.
            ForbiddenError: It is not for reading, or its user is not in its space any more.
            ServiceUnavailableError: That cannot be found out.
        """
        return await self._access.readable(await self.claims())
