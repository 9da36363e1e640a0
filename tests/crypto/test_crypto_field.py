import base64
import hashlib
import json
import random
from typing import Any

import pytest
from crypto_house import DATA

from mana_lab.crypto import (
    MasterKey,
    decrypt_fields,
    encrypt_fields,
    generate_master_key,
    import_master_key,
    is_encrypted,
    js_parse,
    js_stringify,
    unwrap_value,
    wrap_value,
)
from mana_lab.errors import (
    DecryptionError,
    InvalidJsonError,
    MalformedCiphertextError,
    UnserializableValueError,
)

VECTORS = json.loads((DATA / "aes_gcm_wire.json").read_text("utf-8"))
KEY = import_master_key(bytes(range(32)))


def fixed(iv: bytes) -> Any:
    return lambda length: iv if length == len(iv) else pytest.fail(f"asked for {length} bytes")


def rows(group: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in group]


def wire_text(iv: bytes, sealed: bytes) -> str:
    return f"enc:1:{base64.b64encode(iv).decode()}.{base64.b64encode(sealed).decode()}"


@pytest.mark.parametrize("row", rows(VECTORS["raw"]))
def test_raw_vectors_seal_and_open(row: dict[str, Any]) -> None:
    key, iv = import_master_key(bytes.fromhex(row["key_hex"])), bytes.fromhex(row["iv_hex"])
    if "plaintext" in row:
        plaintext = row["plaintext"].encode("utf-8")
    else:
        text = row["plaintext_repeat"]
        plaintext = (text * (row["plaintext_len"] // len(text))).encode()
    sealed = key.seal(iv, plaintext)
    wire = wire_text(iv, sealed)
    if "wire" in row:
        assert wire == row["wire"]
    else:
        assert len(wire) == row["wire_len"]
        assert wire.startswith(row["wire_head"])
        assert wire.endswith(row["wire_tail"])
        assert hashlib.sha256(wire.encode()).hexdigest() == row["wire_sha256"]
    assert key.open(iv, sealed) == plaintext
    try:
        value = js_parse(plaintext.decode())
    except InvalidJsonError:
        with pytest.raises(MalformedCiphertextError):
            unwrap_value(wire, key)
    else:
        assert unwrap_value(wire, key) == value


@pytest.mark.parametrize("row", rows(VECTORS["values"]["rows"]))
def test_value_vectors_wrap_and_unwrap(row: dict[str, Any]) -> None:
    value = json.loads(row["value_json"])
    assert js_stringify(value).encode().hex() == row["plaintext_hex"]
    assert wrap_value(value, KEY, random_bytes=fixed(bytes.fromhex(row["iv_hex"]))) == row["wire"]
    assert unwrap_value(row["wire"], KEY) == value


TAG_FAILURES = {
    "tag bit flipped",
    "ciphertext bit flipped",
    "iv bit flipped",
    "other key",
    "tag truncated to 12 bytes",
    "AAD used",
}


@pytest.mark.parametrize("row", rows(VECTORS["negative"]["rows"]))
def test_reads_exactly_what_the_browser_reads(row: dict[str, Any]) -> None:
    wire, browser = row["wire"], row["browser"]
    if browser == "passthrough":
        assert unwrap_value(wire, KEY) == wire
    elif browser.startswith("ok "):
        value = unwrap_value(wire, KEY)
        shown = "null" if value == float("inf") else js_stringify(value)
        assert shown == browser.removeprefix("ok ")
    elif row["name"] in TAG_FAILURES:
        with pytest.raises(DecryptionError, match=r"^the value does not open with this key$"):
            unwrap_value(wire, KEY)
    else:
        with pytest.raises(MalformedCiphertextError):
            unwrap_value(wire, KEY)


def test_a_number_that_overflows_reads_as_infinity_and_cannot_be_written_back() -> None:
    row = next(row for row in VECTORS["negative"]["rows"] if row["name"] == "plaintext 1e400")
    value = unwrap_value(row["wire"], KEY)
    assert value == float("inf")
    with pytest.raises(UnserializableValueError):
        wrap_value(value, KEY)


def test_a_number_that_was_rounded_on_reading_can_be_written_back() -> None:
    row = next(row for row in VECTORS["negative"]["rows"] if row["name"] == "plaintext 2^53+1")
    value = unwrap_value(row["wire"], KEY)
    assert unwrap_value(wrap_value(value, KEY), KEY) == 2**53


@pytest.mark.parametrize(("length", "opens"), [(11, False), (12, True), (128, True), (129, False)])
def test_ivs_of_the_lengths_that_webcrypto_takes_are_read(length: int, *, opens: bool) -> None:
    iv = bytes(length)
    sealed = KEY.seal(iv, b"1") if opens else bytes(17)
    if opens:
        assert unwrap_value(wire_text(iv, sealed), KEY) == 1
    else:
        with pytest.raises(MalformedCiphertextError, match="IV"):
            unwrap_value(wire_text(iv, sealed), KEY)


@pytest.mark.parametrize(
    "value", [None, 3, True, 1.5, "", "plain", [1], {"a": "enc:1:x"}, b"enc:1:"]
)
def test_what_is_not_encrypted_passes_through(value: Any) -> None:
    assert not is_encrypted(value)
    assert unwrap_value(value, KEY) == value


def test_none_is_not_encrypted_and_the_empty_text_is() -> None:
    assert wrap_value(None, KEY) is None
    assert is_encrypted(wrap_value("", KEY))


def test_a_text_that_looks_encrypted_is_encrypted_like_any_other() -> None:
    for text in ["enc:1:AAAA.BBBB", wrap_value("inner", KEY)]:
        wrapped = wrap_value(text, KEY)
        assert wrapped != text
        assert unwrap_value(wrapped, KEY) == text


def test_the_same_value_never_gives_the_same_text_twice() -> None:
    assert len({wrap_value("x", KEY) for _ in range(2000)}) == 2000


def test_another_key_does_not_open_a_value() -> None:
    with pytest.raises(DecryptionError) as caught:
        unwrap_value(wrap_value("diary", KEY), generate_master_key())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_only_the_named_fields_of_a_record_are_encrypted() -> None:
    inner = {"a": 1}
    record = {"id": "r1", "title": "T", "content": None, "meta": inner, "tags": ["x", 2]}
    sealed = encrypt_fields(record, ("title", "content", "tags", "absent"), KEY)
    assert record["title"] == "T"
    assert sealed.keys() == record.keys()
    assert (sealed["id"], sealed["content"]) == ("r1", None)
    assert sealed["meta"] is inner
    assert is_encrypted(sealed["title"])
    assert is_encrypted(sealed["tags"])
    assert decrypt_fields(sealed, ("title", "content", "tags", "absent"), KEY) == record
    assert decrypt_fields(sealed, ("title",), KEY)["tags"] == sealed["tags"]


def test_plaintext_in_an_encrypted_field_is_still_read() -> None:
    assert decrypt_fields({"title": "old"}, ("title",), KEY) == {"title": "old"}


def test_a_record_with_one_altered_field_does_not_open() -> None:
    sealed = encrypt_fields({"title": "T"}, ("title",), KEY)
    foreign: MasterKey = generate_master_key()
    with pytest.raises(DecryptionError):
        decrypt_fields(sealed, ("title",), foreign)


def test_values_go_to_node_and_back(ask_node: Any) -> None:
    rng = random.Random(5)
    values: list[Any] = ["x" * 1_000_000, "\ud800", {"2": 1, "1": [1e21, 1e-7]}, "", 0, False]
    values += ["".join(chr(rng.randrange(0x20, 0xD800)) for _ in range(30)) for _ in range(50)]
    hexkey = KEY.export().hex()
    ours = [wrap_value(value, KEY) for value in values]
    opened = ask_node([{"op": "unwrap", "text": text, "key": hexkey} for text in ours])
    assert opened == [js_stringify(value) for value in values]
    ivs = [rng.randbytes(12) for _ in values]
    theirs = ask_node(
        [
            {"op": "wrap", "text": json.dumps(value), "key": hexkey, "iv": iv.hex()}
            for value, iv in zip(values, ivs, strict=True)
        ]
    )
    for value, iv, text in zip(values, ivs, theirs, strict=True):
        assert wrap_value(value, KEY, random_bytes=fixed(iv)) == text
        assert unwrap_value(text, KEY) == value


def test_bytes_that_are_not_utf8_are_read_as_by_the_text_decoder(ask_node: Any) -> None:
    rng = random.Random(8)
    pieces = [b"a", b"\xef\xbb\xbf", b"\xc3", b"\xa9", b"\xed\xa0\x80", b"\xf0\x9f", b"\x90\x99"]
    pieces += [b"\xf4\x90\x80\x80", b"\xe0\x80", b"\xc0\xaf", b"\xff", b"\xf8", "é🐙".encode()]
    raws = [b"".join(rng.choices(pieces, k=rng.randrange(6))) for _ in range(1000)]
    answers = ask_node([{"op": "decode", "raw": (b'"' + raw + b'"').hex()} for raw in raws])
    for raw, theirs in zip(raws, answers, strict=True):
        iv = rng.randbytes(12)
        value = unwrap_value(wire_text(iv, KEY.seal(iv, b'"' + raw + b'"')), KEY)
        assert value == theirs.strip('"')
