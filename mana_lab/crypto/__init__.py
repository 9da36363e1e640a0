"""Keys, the ``enc:`` wire format, tokens: everything that the browser's crypto must agree with.

Knows bytes, keys and JSON texts; knows nothing of users, spaces, services or storage. The one
network access is the fetch of a key set in :class:`TokenVerifier`.
"""

from __future__ import annotations

from mana_lab.crypto.bearer import bearer_token
from mana_lab.crypto.bound import FieldPlace, bind_value, open_bound
from mana_lab.crypto.cipher import CipherPolicy, FieldCipher, WireForm
from mana_lab.crypto.derive import is_proof, key_proof, proof_verifier
from mana_lab.crypto.encoding import decode_base64, encode_base64
from mana_lab.crypto.field import (
    decrypt_fields,
    encrypt_fields,
    is_encrypted,
    unwrap_value,
    wrap_value,
)
from mana_lab.crypto.jsjson import (
    JsonValue,
    canonical_hash,
    canonical_json,
    js_parse,
    js_stringify,
)
from mana_lab.crypto.jwks import TokenVerifier, VerifierStatus
from mana_lab.crypto.jwt import Claims, sign, verify
from mana_lab.crypto.kek import WrappedKey, unwrap_master_key, wrap_master_key
from mana_lab.crypto.keyring import KeyRing
from mana_lab.crypto.keys import MasterKey, generate_master_key, import_master_key
from mana_lab.crypto.recovery import RecoveryCode
from mana_lab.crypto.signed import sign_text, signed_text
from mana_lab.crypto.strictjson import strict_json
from mana_lab.crypto.tokenkeys import KeySet, SigningKey

__all__ = [
    "CipherPolicy",
    "Claims",
    "FieldCipher",
    "FieldPlace",
    "JsonValue",
    "KeyRing",
    "KeySet",
    "MasterKey",
    "RecoveryCode",
    "SigningKey",
    "TokenVerifier",
    "VerifierStatus",
    "WireForm",
    "WrappedKey",
    "bearer_token",
    "bind_value",
    "canonical_hash",
    "canonical_json",
    "decode_base64",
    "decrypt_fields",
    "encode_base64",
    "encrypt_fields",
    "generate_master_key",
    "import_master_key",
    "is_encrypted",
    "is_proof",
    "js_parse",
    "js_stringify",
    "key_proof",
    "open_bound",
    "proof_verifier",
    "sign",
    "sign_text",
    "signed_text",
    "strict_json",
    "unwrap_master_key",
    "unwrap_value",
    "verify",
    "wrap_master_key",
    "wrap_value",
]
