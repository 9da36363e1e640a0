"""Every error of mana_lab, in one tree.

The first level is the *kind* of a failure, which is what an audited call records; a leaf adds a
stable ``code`` that a program or a model can act on. The tree::

    ManaLabError
    ├── InvalidInputError              invalid-input
    │   ├── UnserializableValueError   unserializable-value
    │   ├── InvalidJsonError           invalid-json
    │   ├── MalformedCiphertextError   malformed-ciphertext
    │   ├── InvalidKeyError            invalid-key
    │   ├── ToolInputError             invalid-arguments
    │   ├── CatalogError               invalid-catalog
    │   ├── SettingsError              invalid-settings
    │   ├── PayloadTooLargeError       payload-too-large
    │   ├── HeadersTooLargeError       headers-too-large
    │   ├── FutureStampError           future-stamp
    │   ├── RecoveryWrapMissingError   recovery-wrap-missing
    │   ├── SpaceMetadataError         space-metadata
    │   ├── InvalidConsentError        invalid-request-state
    │   ├── RatingUnreadableError      rating-unreadable
    │   ├── RunFolderError             invalid-run-folder
    │   ├── ArchiveError               invalid-archive
    │   ├── BaselineError              invalid-baseline
    │   ├── QueryError                 invalid-query
    │   ├── PseudoReplicationError     pseudo-replication
    │   └── MixedBrainsError           mixed-brains
    ├── RefusedError                   refused
    │   ├── UnauthenticatedError       unauthenticated
    │   │   ├── InvalidCredentialsError  invalid-credentials
    │   │   ├── TokenExpiredError      token-expired
    │   │   ├── SessionEndedError      session-ended
    │   │   └── InvalidTokenError      invalid-token
    │   ├── ForbiddenError             forbidden
    │   │   ├── NotAMemberError        not-a-member
    │   │   ├── InsufficientScopeError insufficient-scope
    │   │   ├── ForeignSessionError    foreign-session
    │   │   ├── ForeignOriginError     foreign-origin
    │   │   ├── ModuleNotAdmittedError module-not-admitted
    │   │   ├── ConfirmationRequiredError confirmation-required
    │   │   ├── NotAPersonaError       not-a-persona
    │   │   ├── KeyProofError          key-proof-failed
    │   │   ├── PersonalSpaceError     personal-space
    │   │   └── ZeroKnowledgeUserError zero-knowledge-user
    │   ├── DecryptionError            decryption-failed
    │   │   ├── DowngradeError         ciphertext-downgraded
    │   │   └── WrongRecoveryCodeError wrong-recovery-code
    │   ├── SignatureError             bad-signature
    │   ├── ToolDriftError             tool-drift
    │   ├── MisdirectedRequestError    misdirected-request
    │   ├── BudgetExhaustedError       budget-exhausted
    │   ├── ProviderRefusedError       provider-refused
    │   └── RateLimitedError           rate-limited
    │       ├── AccountLockedError     account-locked
    │       └── SignupsClosedError     signups-closed
    ├── NotFoundError                  not-found
    │   ├── UnknownToolError           unknown-tool
    │   ├── UnknownPersonaError        unknown-persona
    │   ├── NothingToResumeError       nothing-to-resume
    │   ├── TapeEndedError             tape-ended
    │   └── VaultNotInitialisedError   vault-not-initialised
    ├── ConflictError                  conflict
    │   ├── AuditMismatchError         audit-mismatch
    │   ├── IdempotencyConflictError   idempotency-conflict
    │   ├── DuplicateToolError         duplicate-tool
    │   ├── EmailTakenError            email-taken
    │   ├── RotationForbiddenError     zk-rotate-forbidden
    │   ├── ZeroKnowledgeActiveError   zk-active
    │   ├── RotationUnfinishedError    rotation-unfinished
    │   ├── KeyExhaustedError          key-exhausted
    │   ├── HumanAccountError          human-account
    │   ├── InvitationClosedError      invitation-closed
    │   ├── LabBusyError               lab-busy
    │   ├── LabClosedError             lab-closed
    │   ├── LeaseLostError             lease-lost
    │   ├── LastOwnerError             last-owner
    │   └── SpaceExistsError           space-exists
    └── InfrastructureError            infrastructure
        ├── ServiceUnavailableError    service-unavailable
        │   ├── ProviderUnavailableError  provider-unavailable
        │   └── StoreUnavailableError  store-unavailable
        ├── ProtocolError              protocol-error
        ├── InvalidOutputError         invalid-output
        ├── PortInUseError             port-in-use
        ├── NotebookFailedError        notebook-failed
        ├── StoreDamagedError          store-damaged
        ├── StoreForeignError          store-foreign
        ├── StoreRoleError             store-role
        ├── StoreTooNewError           store-too-new
        └── StoreClosedError           store-closed
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

ErrorKind: TypeAlias = Literal[
    "invalid-input", "refused", "not-found", "conflict", "infrastructure"
]
"""What an audited call records of a failure (``persona_actions.error_kind``)."""


class ManaLabError(Exception):
    """Base of every error that mana_lab raises on purpose.

    Args:
        message: One sentence: what was got, and what is allowed or to do next.
    """

    code: ClassVar[str] = "mana-lab"
    """Stable name of the failure; the wire, the audit and models see it."""
    kind: ClassVar[ErrorKind] = "infrastructure"
    status: ClassVar[int] = 500
    """The HTTP status that a service answers with."""
    mana_code: ClassVar[str | None] = None
    """What Mana's own services call the failure, where their clients go by that name."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def wire_members(self) -> dict[str, Any]:
        """Return what a service's answer says besides code, message and status."""
        return {} if self.mana_code is None else {"code": self.mana_code}


class InvalidInputError(ManaLabError):
    """The caller sent something that is not allowed here."""

    code: ClassVar[str] = "invalid-input"
    kind: ClassVar[ErrorKind] = "invalid-input"
    status: ClassVar[int] = 400


class UnserializableValueError(InvalidInputError):
    """A value has no JSON text that JavaScript would read back unchanged."""

    code: ClassVar[str] = "unserializable-value"


class InvalidJsonError(InvalidInputError):
    """A text is not JSON, or nests too deep."""

    code: ClassVar[str] = "invalid-json"


class MalformedCiphertextError(InvalidInputError):
    """A text with the ``enc:`` prefix is not an encrypted value."""

    code: ClassVar[str] = "malformed-ciphertext"


class InvalidKeyError(InvalidInputError):
    """A key does not have the length or form that the algorithm takes."""

    code: ClassVar[str] = "invalid-key"


class ToolInputError(InvalidInputError):
    """A tool was called with arguments that its input schema does not allow.

    Args:
        message: The whole refusal in one sentence.
        path: Where in the arguments, such as ``subtasks[0].title``; empty for all of them.
        got: What stands there: its type and its shortened value.
        expected: What the schema allows there.
    """

    code: ClassVar[str] = "invalid-arguments"

    def __init__(self, message: str, *, path: str = "", got: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.got = got
        self.expected = expected


class CatalogError(InvalidInputError):
    """The persona catalog breaks one of its rules."""

    code: ClassVar[str] = "invalid-catalog"


class SettingsError(InvalidInputError):
    """A setting or an environment variable has a value that is not allowed."""

    code: ClassVar[str] = "invalid-settings"


class PayloadTooLargeError(InvalidInputError):
    """A request body, a batch or a nesting is above its limit."""

    code: ClassVar[str] = "payload-too-large"
    status: ClassVar[int] = 413


class HeadersTooLargeError(InvalidInputError):
    """A request has more headers than a service reads."""

    code: ClassVar[str] = "headers-too-large"
    status: ClassVar[int] = 431


class FutureStampError(InvalidInputError):
    """A write is stamped further ahead of the service's clock than it tolerates."""

    code: ClassVar[str] = "future-stamp"


class RecoveryWrapMissingError(InvalidInputError):
    """Zero-knowledge mode needs a key that is wrapped with a recovery code first."""

    code: ClassVar[str] = "recovery-wrap-missing"
    mana_code: ClassVar[str | None] = "RECOVERY_WRAP_MISSING"


class SpaceMetadataError(InvalidInputError):
    """A new space does not say of which shared type it is."""

    code: ClassVar[str] = "space-metadata"
    mana_code: ClassVar[str | None] = "SPACE_METADATA_INVALID"


class InvalidConsentError(InvalidInputError):
    """What a client shows as a person's consent is none to this call; nothing more is said."""

    code: ClassVar[str] = "invalid-request-state"


class RatingUnreadableError(InvalidInputError):
    """A model was asked for ratings, twice, and gave none that can be taken as they are."""

    code: ClassVar[str] = "rating-unreadable"


class RunFolderError(InvalidInputError):
    """A folder is not that of a run, or is not as it was written."""

    code: ClassVar[str] = "invalid-run-folder"


class ArchiveError(InvalidInputError):
    """A place has no archive of a lab's rows, or one that cannot be read."""

    code: ClassVar[str] = "invalid-archive"


class BaselineError(InvalidInputError):
    """A file is no baseline, or runs cannot make one or be held against one."""

    code: ClassVar[str] = "invalid-baseline"


class QueryError(InvalidInputError):
    """A SQL query of the lab could not be run."""

    code: ClassVar[str] = "invalid-query"


class PseudoReplicationError(InvalidInputError):
    """A test would take each rating as a unit, where the unit is the persona who gave it.

    Args:
        message: What was given, what it is worth and which call is right.
        rows: How many values there are.
        personas: Of how many personas they are; 0 where nothing says.
        design_effect: By how much the variance of a mean is above that of independent values;
            NaN where that is not known.
    """

    code: ClassVar[str] = "pseudo-replication"

    def __init__(
        self,
        message: str,
        *,
        rows: int = 0,
        personas: int = 0,
        design_effect: float = float("nan"),
    ) -> None:
        super().__init__(message)
        self.rows = rows
        self.personas = personas
        self.design_effect = design_effect


class MixedBrainsError(InvalidInputError):
    """One test would mix the ratings of different kinds of brains."""

    code: ClassVar[str] = "mixed-brains"


class RefusedError(ManaLabError):
    """The request was understood and is not allowed."""

    code: ClassVar[str] = "refused"
    kind: ClassVar[ErrorKind] = "refused"
    status: ClassVar[int] = 403


class UnauthenticatedError(RefusedError):
    """The request carries no usable credentials."""

    code: ClassVar[str] = "unauthenticated"
    status: ClassVar[int] = 401


class InvalidCredentialsError(UnauthenticatedError):
    """E-mail and password do not belong together."""

    code: ClassVar[str] = "invalid-credentials"


class TokenExpiredError(UnauthenticatedError):
    """A genuine token is past its ``exp``."""

    code: ClassVar[str] = "token-expired"

    def __init__(self, message: str = "the token has expired; sign in again") -> None:
        super().__init__(message)


class SessionEndedError(UnauthenticatedError):
    """A genuine token belongs to a session that was signed out, or is over."""

    code: ClassVar[str] = "session-ended"


class InvalidTokenError(UnauthenticatedError):
    """A token is not one that this service accepts; why is not said."""

    code: ClassVar[str] = "invalid-token"

    def __init__(self, message: str = "the token is not valid here; sign in again") -> None:
        super().__init__(message)


class ForbiddenError(RefusedError):
    """The caller is known and may not do this."""

    code: ClassVar[str] = "forbidden"


class NotAMemberError(ForbiddenError):
    """The caller is not a member of the space."""

    code: ClassVar[str] = "not-a-member"


class InsufficientScopeError(ForbiddenError):
    """The token was given for less than this.

    Args:
        message: What the token does not allow.
        scope: What it would have to be given for.
    """

    code: ClassVar[str] = "insufficient-scope"

    def __init__(self, message: str, scope: str = "") -> None:
        super().__init__(message)
        self.scope = scope


class ForeignSessionError(ForbiddenError):
    """An MCP session belongs to another user."""

    code: ClassVar[str] = "foreign-session"


class ForeignOriginError(ForbiddenError):
    """A request with a session cookie comes from somebody else's page, or does not say whose."""

    code: ClassVar[str] = "foreign-origin"


class ModuleNotAdmittedError(ForbiddenError):
    """The space is of a type that does not admit the tool's module."""

    code: ClassVar[str] = "module-not-admitted"


class ConfirmationRequiredError(ForbiddenError):
    """A person has to agree to the call, and did not, or could not be asked."""

    code: ClassVar[str] = "confirmation-required"


class NotAPersonaError(ForbiddenError):
    """The account is a person's, and this operation is for personas only."""

    code: ClassVar[str] = "not-a-persona"
    status: ClassVar[int] = 400


class KeyProofError(ForbiddenError):
    """The caller did not show that they hold the vault's current key."""

    code: ClassVar[str] = "key-proof-failed"


class PersonalSpaceError(ForbiddenError):
    """A personal space is neither shared nor left nor deleted."""

    code: ClassVar[str] = "personal-space"
    mana_code: ClassVar[str | None] = "SPACE_PERSONAL_UNDELETABLE"


class ZeroKnowledgeUserError(ForbiddenError):
    """The user's vault key is not held by the server, so it cannot decrypt for them."""

    code: ClassVar[str] = "zero-knowledge-user"


class DecryptionError(RefusedError):
    """A ciphertext does not open with this key; nothing more is said."""

    code: ClassVar[str] = "decryption-failed"


class DowngradeError(DecryptionError):
    """A value is not bound to its place, where only bound ones are taken."""

    code: ClassVar[str] = "ciphertext-downgraded"


class WrongRecoveryCodeError(DecryptionError):
    """A recovery code does not open the vault; nothing more is said."""

    code: ClassVar[str] = "wrong-recovery-code"


class SignatureError(RefusedError):
    """A text does not carry the signature that it needs."""

    code: ClassVar[str] = "bad-signature"


class ToolDriftError(RefusedError):
    """A tool is new or has changed since the tools were approved."""

    code: ClassVar[str] = "tool-drift"


class MisdirectedRequestError(RefusedError):
    """The request's ``Host`` names another server than this one."""

    code: ClassVar[str] = "misdirected-request"
    status: ClassVar[int] = 421


class BudgetExhaustedError(RefusedError):
    """A model's next request may take more than a limit admits, so it is not made.

    Args:
        message: What is needed, what is left, and how to raise the limit.
        scope: Whose limit it is.
    """

    code: ClassVar[str] = "budget-exhausted"
    status: ClassVar[int] = 402

    def __init__(self, message: str, scope: Literal["tick", "persona", "run"] = "run") -> None:
        super().__init__(message)
        self.scope = scope


class ProviderRefusedError(RefusedError):
    """A model's provider does not take the request, and asking again would not change that."""

    code: ClassVar[str] = "provider-refused"


class RateLimitedError(RefusedError):
    """Too many requests; try again later.

    Args:
        message: What was too much.
        retry_after_s: After how many seconds trying again makes sense, where that is known.
    """

    code: ClassVar[str] = "rate-limited"
    status: ClassVar[int] = 429

    def __init__(self, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def wire_members(self) -> dict[str, Any]:
        """Return also when to try again."""
        known = super().wire_members()
        return (
            known if self.retry_after_s is None else known | {"retryAfterSec": self.retry_after_s}
        )


class AccountLockedError(RateLimitedError):
    """Too many wrong passwords for one address, whether it has an account or not."""

    code: ClassVar[str] = "account-locked"
    mana_code: ClassVar[str | None] = "ACCOUNT_LOCKED"

    def wire_members(self) -> dict[str, Any]:
        """Return also how long the lock lasts, by the name that it has in Mana."""
        return super().wire_members() | {"remainingSeconds": self.retry_after_s}


class SignupsClosedError(RateLimitedError):
    """As many people signed up today as may.

    Args:
        message: What happened.
        retry_after_s: Seconds until signing up is possible again.
        resets_at: When that is, in ISO 8601.
    """

    code: ClassVar[str] = "signups-closed"
    mana_code: ClassVar[str | None] = "SIGNUP_LIMIT_REACHED"

    def __init__(
        self, message: str, *, retry_after_s: int | None = None, resets_at: str | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.resets_at = resets_at

    def wire_members(self) -> dict[str, Any]:
        """Return also that no place is left, and when there will be."""
        return super().wire_members() | {"spotsRemaining": 0, "resetsAt": self.resets_at}


class NotFoundError(ManaLabError):
    """What was asked for does not exist, or not for this caller."""

    code: ClassVar[str] = "not-found"
    kind: ClassVar[ErrorKind] = "not-found"
    status: ClassVar[int] = 404


class UnknownToolError(NotFoundError):
    """No tool of that name is offered."""

    code: ClassVar[str] = "unknown-tool"


class UnknownPersonaError(NotFoundError):
    """No persona of that name is seeded or in the catalog."""

    code: ClassVar[str] = "unknown-persona"


class NothingToResumeError(NotFoundError):
    """No run was stopped that could go on."""

    code: ClassVar[str] = "nothing-to-resume"


class TapeEndedError(NotFoundError):
    """A tick that is replayed asks more than the tape has answers to."""

    code: ClassVar[str] = "tape-ended"


class VaultNotInitialisedError(NotFoundError):
    """The user has no vault key yet."""

    code: ClassVar[str] = "vault-not-initialised"
    mana_code: ClassVar[str | None] = "VAULT_NOT_INITIALISED"


class ConflictError(ManaLabError):
    """The request contradicts what is already there."""

    code: ClassVar[str] = "conflict"
    kind: ClassVar[ErrorKind] = "conflict"
    status: ClassVar[int] = 409


class AuditMismatchError(ConflictError):
    """What a model's library tells of its calls is not what the audit has.

    Args:
        message: What differs.
        seen: How many calls the library tells of.
        recorded: How many the audit has.
    """

    code: ClassVar[str] = "audit-mismatch"

    def __init__(self, message: str, *, seen: int = 0, recorded: int = 0) -> None:
        super().__init__(message)
        self.seen = seen
        self.recorded = recorded


class IdempotencyConflictError(ConflictError):
    """An idempotency key was used before, for another call."""

    code: ClassVar[str] = "idempotency-conflict"


class DuplicateToolError(ConflictError):
    """Two tools have the same name."""

    code: ClassVar[str] = "duplicate-tool"


class EmailTakenError(ConflictError):
    """An account with this e-mail address exists."""

    code: ClassVar[str] = "email-taken"
    mana_code: ClassVar[str | None] = "EMAIL_ALREADY_REGISTERED"


class HumanAccountError(ConflictError):
    """The address that a persona was to have belongs to a person."""

    code: ClassVar[str] = "human-account"


class InvitationClosedError(ConflictError):
    """An invitation was answered, taken back or is too old."""

    code: ClassVar[str] = "invitation-closed"


class LeaseLostError(ConflictError):
    """Another runner works on the tick by now."""

    code: ClassVar[str] = "lease-lost"


class LastOwnerError(ConflictError):
    """A space would be left without an owner."""

    code: ClassVar[str] = "last-owner"


class SpaceExistsError(ConflictError):
    """There is a space with this slug."""

    code: ClassVar[str] = "space-exists"
    status: ClassVar[int] = 400
    mana_code: ClassVar[str | None] = "ORGANIZATION_ALREADY_EXISTS"


class RotationForbiddenError(ConflictError):
    """A vault in zero-knowledge mode has no key here that could be rotated."""

    code: ClassVar[str] = "zk-rotate-forbidden"
    mana_code: ClassVar[str | None] = "ZK_ROTATE_FORBIDDEN"


class ZeroKnowledgeActiveError(ConflictError):
    """The recovery wrap is all that is left of the key, so it stays."""

    code: ClassVar[str] = "zk-active"
    mana_code: ClassVar[str | None] = "ZK_ACTIVE"


class RotationUnfinishedError(ConflictError):
    """Earlier keys of the vault are still needed."""

    code: ClassVar[str] = "rotation-unfinished"


class KeyExhaustedError(ConflictError):
    """A key has encrypted as much as is safe; only another key may go on."""

    code: ClassVar[str] = "key-exhausted"


class LabBusyError(ConflictError):
    """Another process has this lab folder open, or another run is going on."""

    code: ClassVar[str] = "lab-busy"


class LabClosedError(ConflictError):
    """The lab was closed and cannot be used any more."""

    code: ClassVar[str] = "lab-closed"


class InfrastructureError(ManaLabError):
    """Something broke that the caller cannot mend by asking otherwise."""

    code: ClassVar[str] = "infrastructure"


class ServiceUnavailableError(InfrastructureError):
    """A service did not answer, or answered that it cannot serve."""

    code: ClassVar[str] = "service-unavailable"
    status: ClassVar[int] = 503


class ProviderUnavailableError(ServiceUnavailableError):
    """A model's provider did not answer, or wants fewer requests, after all tries."""

    code: ClassVar[str] = "provider-unavailable"


class StoreUnavailableError(ServiceUnavailableError):
    """A database is gone, full or held by somebody else for too long; nothing was stored.

    Where the database went while a commit was under way, nobody knows whether it was stored.
    """

    code: ClassVar[str] = "store-unavailable"


class ProtocolError(InfrastructureError):
    """A service answered something outside its protocol."""

    code: ClassVar[str] = "protocol-error"
    status: ClassVar[int] = 502


class InvalidOutputError(InfrastructureError):
    """A tool returned something that its output schema does not allow."""

    code: ClassVar[str] = "invalid-output"


class PortInUseError(InfrastructureError):
    """The port to listen on is taken."""

    code: ClassVar[str] = "port-in-use"


class StoreDamagedError(InfrastructureError):
    """A database file cannot be used."""

    code: ClassVar[str] = "store-damaged"


class StoreForeignError(InfrastructureError):
    """A database holds tables of the same names that somebody else made."""

    code: ClassVar[str] = "store-foreign"


class StoreRoleError(InfrastructureError):
    """A database would be used in a role that row-level security does not bind."""

    code: ClassVar[str] = "store-role"


class StoreTooNewError(InfrastructureError):
    """A later release wrote the database."""

    code: ClassVar[str] = "store-too-new"


class NotebookFailedError(InfrastructureError):
    """A notebook could not be run from top to bottom."""

    code: ClassVar[str] = "notebook-failed"


class StoreClosedError(InfrastructureError):
    """The store was closed and takes no more work."""

    code: ClassVar[str] = "store-closed"


def error_classes() -> dict[str, type[ManaLabError]]:
    """Return every error class by its code, for turning a wire answer back into an error."""
    found: dict[str, type[ManaLabError]] = {}
    todo: list[type[ManaLabError]] = [ManaLabError]
    while todo:
        cls = todo.pop()
        found[cls.code] = cls
        todo.extend(cls.__subclasses__())
    return found


def error_from_wire(status: int, code: str | None, message: str) -> ManaLabError:
    """Turn an HTTP error answer back into the error that the service raised.

    Args:
        status: The HTTP status.
        code: The body's error code, where it has one.
        message: The body's message.
    """
    known = error_classes().get(code or "")
    if known is not None and known.status == status:
        return known(message)
    by_status: dict[int, type[ManaLabError]] = {
        401: UnauthenticatedError,
        403: ForbiddenError,
        404: NotFoundError,
        409: ConflictError,
        413: PayloadTooLargeError,
        429: RateLimitedError,
    }
    if status in by_status:
        return by_status[status](message)
    if 400 <= status < 500:
        return InvalidInputError(message)
    return ServiceUnavailableError(message)
