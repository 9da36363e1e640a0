"""Approved tools: what a gateway may offer is what somebody has looked at.

A tool's description is text that a model obeys, and a package may change it with any update. The
tools that ship are held against the manifest in the catalog. Tools of other packages are written
down when a gateway first meets them, in a file signed with the owner's key; from then on a tool
that is new or has changed keeps the gateway from starting until it is approved.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from mana_lab.crypto import SigningKey, sign_text, signed_text
from mana_lab.errors import CatalogError, SettingsError, SignatureError, ToolDriftError
from mana_lab.registry import AnyToolSpec, Registry
from mana_lab.registry.manifest import (
    Manifest,
    ToolEntry,
    drift,
    manifest_of,
    read_manifest,
    tool_hash,
    write_manifest,
)
from mana_lab.shipped import catalog_dir

MANIFEST_FILE = "tools.json"
_KIND = "mana-tools"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Approvals:
    """The approved tools of other packages, in a signed file.

    Attributes:
        path: The file; it need not be there yet.
        secret: 32 bytes that the signing key derives from.
    """

    path: Path
    secret: bytes = field(repr=False)

    def read(self) -> dict[str, ToolEntry] | None:
        """Return what was approved; None when nothing ever was.

        Raises:
            SettingsError: The file was damaged, changed by somebody without the key, or cannot be
                read.
        """
        try:
            text = self.path.read_text(encoding="ascii")
            return read_manifest(signed_text(text, self._key(), kind=_KIND))
        except FileNotFoundError:
            return None
        except (CatalogError, SignatureError, UnicodeDecodeError):
            raise SettingsError(
                f"{self.path.name} does not carry this owner's signature; look at the tools, "
                "remove the file and approve them again"
            ) from None
        except OSError as error:
            raise self._unusable(error) from None

    def write(self, manifest: Manifest) -> None:
        """Approve those tools, and no others.

        Raises:
            SettingsError: The file cannot be written.
        """
        signed = sign_text(write_manifest(manifest), self._key(), kind=_KIND)
        partial = self.path.with_suffix(".partial")
        try:
            partial.write_text(signed, encoding="ascii")
            partial.replace(self.path)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> SettingsError:
        return SettingsError(f"the approved tools in {self.path}: {error.strerror or error}")

    def _key(self) -> SigningKey:
        return SigningKey("approved-tools", hmac.digest(self.secret, b"approved tools", "sha256"))


def shipped_manifest() -> dict[str, ToolEntry]:
    """Return the manifest of the tools that ship with the package."""
    return read_manifest((catalog_dir() / MANIFEST_FILE).read_text(encoding="utf-8"))


def check_approved(
    registry: Registry,
    approvals: Approvals | None,
    *,
    handed_over: Collection[str] = (),
    approve: bool = False,
) -> None:
    """Let only approved tools pass.

    Args:
        registry: The tools that are to be offered.
        approvals: Those of other packages that were looked at; None when there is no such file.
        handed_over: Names of tools that the caller's own code gave, which approves them.
        approve: Approve all of them as they are now.

    Raises:
        ToolDriftError: A tool is new or has changed.
        SettingsError: The approvals are damaged.
    """
    shipped = shipped_manifest()
    others = Registry(
        spec for spec in registry if spec.name not in handed_over and not _is_in(shipped, spec)
    )
    if not len(others):
        return
    if approvals is not None and approve:
        approvals.write(manifest_of(others))
    else:
        _refuse_drift(others, {**shipped, **_known(approvals, others, shipped)})


def _is_in(manifest: Manifest, spec: AnyToolSpec) -> bool:
    return spec.name in manifest and manifest[spec.name].hash == tool_hash(spec)


def _known(approvals: Approvals | None, others: Registry, shipped: Manifest) -> Manifest:
    if approvals is None:
        return {}
    known = approvals.read()
    if known is None:
        foreign = Registry(spec for spec in others if spec.name not in shipped)
        known = manifest_of(foreign)
        if known:
            approvals.write(known)
    return known


def _refuse_drift(others: Registry, known: Manifest) -> None:
    found = [f"{name} ({what})" for name, what in drift(others, known).items() if what != "removed"]
    if not found:
        return
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    raise ToolDriftError(
        f"not approved yet: {', '.join(found[:_MOST_NAMED])}{more}; read what they say "
        "(python -m mana_lab tools), then approve them: python -m mana_lab tools --approve for a "
        "lab, Lab.open(approve_tools=True) in code; a gateway alone needs MANA_APPROVED_TOOLS and "
        "MANA_TOOLS_KEY, and --approve-tools"
    )
