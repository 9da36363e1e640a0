"""The part of the identity client that speaks about spaces."""

from __future__ import annotations

from mana_lab.errors import ProtocolError
from mana_lab.identity import wire
from mana_lab.identity.transport import Transport, bearer


class SpaceCalls(Transport):
    """What a member of spaces may ask."""

    async def spaces(self, token: str) -> list[wire.Space]:
        """Return the spaces that the token's user is in.

        Raises:
            UnauthenticatedError: The token is not taken.
        """
        response = await self._send("GET", "/api/auth/organization/list", bearer(token))
        try:
            return [_space(wire.Organization.model_validate(item)) for item in response.json()]
        except (ValueError, TypeError):
            raise ProtocolError("the identity service answered with no list of spaces") from None


def _space(organization: wire.Organization) -> wire.Space:
    metadata = organization.metadata
    known = (
        wire.SpaceMetadata.model_validate_json(metadata) if isinstance(metadata, str) else metadata
    )
    return wire.Space(
        id=organization.id,
        name=organization.name,
        slug=organization.slug,
        type=known.type,
        role=organization.role,
    )
