import json
import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mana_lab.crypto import (
    CipherPolicy,
    FieldCipher,
    FieldPlace,
    KeyRing,
    MasterKey,
    bind_value,
    import_master_key,
    is_encrypted,
    open_bound,
    unwrap_value,
    wrap_value,
)
from mana_lab.errors import (
    DecryptionError,
    DowngradeError,
    InvalidKeyError,
    MalformedCiphertextError,
    SettingsError,
)

KEYS = [import_master_key(bytes([n]) * 32, f"k00000{n}") for n in range(1, 4)]
RING = KeyRing(KEYS[2], (KEYS[1], KEYS[0]))
PLACE = FieldPlace("anna", "notes", "notes", "n1", "title")
BOUND = CipherPolicy("enc:2:")
STRICT = CipherPolicy("enc:2:", bound_only=True)

names = st.text(max_size=12) | st.sampled_from(
    ["", '"', '","', "a", "a:b", "\\", "\ud800", "é", "1"]
)
places = st.builds(FieldPlace, names, names, names, names, names)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text()
    | st.sampled_from(["enc:1:", "enc:2:", "enc:1:AAAA.BBBB", "enc:2:k1:AAAA.BBBB", "enc:2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
policies = st.sampled_from([CipherPolicy(), BOUND, STRICT])


@given(values, places, policies)
def test_every_value_comes_back_from_its_place(value, place, policy):
    cipher = FieldCipher(RING, policy)
    sealed = cipher.seal(value, place)
    assert (sealed is None) == (value is None)
    assert cipher.open(sealed, place) == value
    if value is not None:
        assert sealed.startswith(policy.writes)
        assert is_encrypted(sealed)


@given(places, places, st.sampled_from(KEYS), st.sampled_from(KEYS))
@settings(max_examples=300)
def test_of_two_bound_values_none_opens_in_the_others_place(one, other, key, other_key):
    """Swapping users, apps, tables, records, fields, keys or the ids of keys."""
    here, there = bind_value("here", key, one), bind_value("there", other_key, other)
    if (one, key) != (other, other_key):
        assert here != there
    if one != other:
        for text, place in ((here, other), (there, one)):
            with pytest.raises(DecryptionError):
                open_bound(text, RING, place)
    if key is not other_key:
        for text, mine, theirs in ((here, key, other_key), (there, other_key, key)):
            renamed = text.replace(mine.key_id, theirs.key_id, 1)
            with pytest.raises(DecryptionError):
                open_bound(renamed, RING, one if mine is key else other)
    assert open_bound(here, RING, one) == (key, "here")


@pytest.mark.parametrize("part", FieldPlace._fields)
def test_each_part_of_the_place_counts(part):
    text = bind_value("hush", KEYS[2], PLACE)
    with pytest.raises(DecryptionError):
        open_bound(text, RING, PLACE._replace(**{part: getattr(PLACE, part) + "x"}))


def test_no_two_parts_can_be_told_apart_wrongly():
    """Names with quotes, commas and separators, in every order, are different places."""
    parts = ['a","b', "a", 'b","c', "c", ""]
    found = set()
    for order in permutations(parts):
        iv = bytes(12)
        found.add(bind_value(1, KEYS[0], FieldPlace(*order), random_bytes=lambda _, iv=iv: iv))
    assert len(found) == 120


def test_a_key_that_only_shares_the_id_does_not_open():
    twin = import_master_key(bytes(32), KEYS[2].key_id)
    text = bind_value("hush", KEYS[2], PLACE)
    with pytest.raises(DecryptionError):
        open_bound(text, KeyRing(twin), PLACE)
    assert open_bound(text, KeyRing(twin, (KEYS[2],)), PLACE)[1] == "hush"


def test_a_browser_can_write_the_format_byte_for_byte(ask_node):
    rng = random.Random(3)
    awkward = ["", '"', '","', "a:b", "\\", "\ud800", "\U0001f600", "é", "\n", "x" * 100]
    questions, ours = [], []
    for value in ["x", "", {"2": 1, "1": [1e21, None]}, "enc:2:k1:AAAA.BBBB", "\ud800", 0]:
        place, iv = FieldPlace(*rng.choices(awkward, k=5)), rng.randbytes(12)
        ours.append(bind_value(value, KEYS[0], place, random_bytes=lambda _, iv=iv: iv))
        more = {"key": KEYS[0].export().hex(), "keyId": KEYS[0].key_id, "iv": iv.hex()}
        questions.append({"op": "bind", "text": json.dumps(value), "place": place, **more})
    assert ask_node(questions) == ours


def test_the_bytes_of_the_format_are_frozen():
    text = bind_value("x", KEYS[0], PLACE, random_bytes=bytes)
    assert text == "enc:2:k000001:AAAAAAAAAAAAAAAA.nU26TJY9MSgUKGMG4B64cP6J6A=="


GOOD = bind_value("hush", KEYS[2], PLACE)
HEAD, _, TAIL = GOOD.rpartition(".")
IV = HEAD.rpartition(":")[2]


@pytest.mark.parametrize(
    "text",
    [
        "enc:2:",
        "enc:2::",
        "enc:2:k000003",
        "enc:2:k000003:",
        "enc:2:k000003:.",
        f"enc:2:k000003:{IV}",
        f"enc:2:k000003:{IV}.",
        f"enc:2:k000003:.{TAIL}",
        f"enc:2::{IV}.{TAIL}",
        f"enc:2:k 3:{IV}.{TAIL}",
        f"enc:2:{'k' * 65}:{IV}.{TAIL}",
        f"enc:2:ké:{IV}.{TAIL}",
        f"enc:2:k000003:{IV}:{TAIL}",
        f"enc:2:k000003:{IV}.{TAIL}.{TAIL}",
        f"enc:2:k000003:{IV} .{TAIL}",
        f"enc:2:k000003:{IV}.{TAIL}\n",
        f"enc:2:k000003:{IV}.{TAIL.rstrip('=')}" if "=" in TAIL else f"{GOOD}=",
        f"enc:2:k000003:{IV[:-4]}.{TAIL}",
        f"enc:2:k000003:{IV}AAAA.{TAIL}",
        f"enc:2:k000003:{IV}.AAAA",
        "enc:2:" + "A" * 10_000,
    ],
    ids=range(21),
)
def test_what_does_not_have_the_form_is_malformed(text):
    for cipher in (FieldCipher(RING), FieldCipher(RING, STRICT)):
        with pytest.raises(MalformedCiphertextError):
            cipher.open(text, PLACE)


@given(st.integers(0, len(GOOD) - 1), st.sampled_from("AB09z=.:%\x00é"))
def test_no_altered_character_goes_unnoticed(place, character):
    altered = GOOD[:place] + character + GOOD[place + 1 :]
    if altered == GOOD:
        return
    try:
        value = FieldCipher(RING, BOUND).open(altered, PLACE)
    except (DecryptionError, MalformedCiphertextError):
        return
    assert value == altered
    assert place < len("enc:2:")


@pytest.mark.parametrize("key_id", ["", "k 1", "k" * 65, "k:1", "é"])
def test_a_key_without_a_usable_id_binds_nothing(key_id):
    with pytest.raises(InvalidKeyError):
        bind_value("x", MasterKey(bytes(32), key_id), PLACE)
    assert bind_value(None, MasterKey(bytes(32), key_id), PLACE) is None


@pytest.mark.parametrize("policy", [CipherPolicy(), BOUND], ids=repr)
def test_both_formats_are_read_whichever_is_written(policy):
    cipher = FieldCipher(RING, policy)
    for key in KEYS:
        assert cipher.open(wrap_value("old", key), PLACE) == "old"
        assert cipher.open(bind_value("new", key, PLACE), PLACE) == "new"
    assert cipher.open("plain", PLACE) == "plain"
    assert cipher.open(7, PLACE) == 7


def test_a_downgrade_is_refused_where_only_bound_values_are_believed():
    cipher = FieldCipher(RING, STRICT)
    assert cipher.open(bind_value("new", KEYS[0], PLACE), PLACE) == "new"
    assert cipher.open(None, PLACE) is None
    for lesser in (wrap_value("old", KEYS[2]), "plain", 7, ["plain"], ""):
        with pytest.raises(DowngradeError):
            cipher.open(lesser, PLACE)


def test_a_bound_value_under_the_older_prefix_does_not_open():
    iv, sealed = GOOD.rpartition(":")[2].split(".")
    with pytest.raises(DecryptionError):
        FieldCipher(RING).open(f"enc:1:{iv}.{sealed}", PLACE)
    plain = wrap_value("old", KEYS[2]).removeprefix("enc:1:")
    with pytest.raises(DecryptionError):
        FieldCipher(RING).open(f"enc:2:k000003:{plain}", PLACE)


def test_what_is_written_is_what_the_browser_reads_by_default():
    sealed = FieldCipher(RING).seal({"a": 1}, PLACE)
    assert unwrap_value(sealed, KEYS[2]) == {"a": 1}


def test_a_foreign_key_opens_nothing():
    for sealed in (wrap_value("x", import_master_key(bytes(32))), GOOD):
        with pytest.raises(DecryptionError, match=r"^the value does not open with this key$"):
            FieldCipher(KeyRing(KEYS[0])).open(sealed, PLACE)


@pytest.mark.parametrize(
    "bad", [{"writes": "enc:3:"}, {"writes": ""}, {"bound_only": True}], ids=repr
)
def test_a_policy_that_makes_no_sense_is_refused(bad):
    with pytest.raises(SettingsError):
        CipherPolicy(**bad)


@pytest.mark.parametrize("policy", [CipherPolicy(), BOUND], ids=repr)
@pytest.mark.parametrize("key", KEYS[:2], ids=lambda key: key.key_id)
def test_a_value_of_an_earlier_key_is_renewed_the_same_way_every_time(policy, key):
    cipher = FieldCipher(RING, policy)
    for old in (wrap_value("x", key), bind_value("x", key, PLACE)):
        fresh = cipher.renewed(old, PLACE)
        assert fresh == FieldCipher(RING, policy).renewed(old, PLACE)
        assert FieldCipher(KeyRing(RING.current), policy).open(fresh, PLACE) == "x"
        assert cipher.renewed(fresh, PLACE) is None
        assert fresh.startswith(max(policy.writes, old[:6]))


def test_renewing_never_uses_an_iv_for_two_texts():
    cipher = FieldCipher(RING)
    old = [wrap_value("x", KEYS[0]) for _ in range(2000)]
    renewed = {cipher.renewed(text, PLACE) for text in old}
    renewed |= {cipher.renewed(text, PLACE._replace(field="other")) for text in old}
    ivs = {text.removeprefix("enc:1:").partition(".")[0] for text in renewed}
    assert len(ivs) == len(renewed) == 4000


def test_what_needs_no_renewal_is_left_alone():
    cipher = FieldCipher(RING)
    for value in (None, "plain", 7, wrap_value("x", KEYS[2]), GOOD):
        assert cipher.renewed(value, PLACE) is None
    with pytest.raises(DecryptionError):
        cipher.renewed(wrap_value("x", import_master_key(bytes(32))), PLACE)
    with pytest.raises(DowngradeError):
        FieldCipher(RING, STRICT).renewed(wrap_value("x", KEYS[0]), PLACE)


def test_a_ring_shows_no_key():
    shown = repr(RING) + repr(FieldCipher(RING)) + str(RING)
    for key in KEYS:
        assert key.export().hex() not in shown
        assert repr(key.export()) not in shown
    assert list(RING) == KEYS[::-1]
