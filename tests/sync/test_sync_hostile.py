"""Bodies, headers and cursors that are made to break something."""

import gzip
import json

import pytest
from sync_house import SERVICE_KEY, insertion

from mana_lab.sync.server.cursor import encode_cursor

STAMP = "2026-01-05T00:00:00.000Z"
MOST = 10 * 2**20
END = encode_cursor(2**63 - 1)


def filled(start, middle, end):
    """Return a body as long as one may be."""
    return start + middle * ((MOST - len(start) - len(end)) // len(middle)) + end


def a_change(start, middle, end=b'"'):
    members = b'{"clientId":"x","changes":[{"table":"t","id":"1","op":"insert","data":{},'
    return lambda: filled(members + start, middle, end + b"}]}")


def in_a_record(start, middle, end=b'"'):
    members = b'{"clientId":"x","changes":[{"table":"t","id":"1","op":"insert","data":{'
    return lambda: filled(members + start, middle, end + b"}}]}")


def deep(start, end, count=100_000):
    members = b'{"clientId":"x","changes":[{"table":"t","id":"1","op":"insert","data":{"x":'
    return lambda: members + start * count + b"1" + end * count + b"}}]}"


HUGE = {
    "arrays 100,000 deep in a record": deep(b"[", b"]"),
    "objects 100,000 deep in a record": deep(b'{"x":', b"}"),
    "ten million arrays": lambda: b"[" * MOST,
    "an unclosed text": lambda: filled(b'{"clientId":"', b"\\u0000", b""),
    "a number": in_a_record(b'"x":', b"9", b""),
    "an exponent": in_a_record(b'"x":1e', b"9", b""),
    "a client id": lambda: filled(b'{"clientId":"', b"x", b'","changes":[]}'),
    "a cursor": lambda: filled(b'{"clientId":"x","since":"c1.', b"A", b'","changes":[]}'),
    "a table": a_change(b'"table":"', b"t"),
    "a record id": a_change(b'"id":"', b"1"),
    "a space id": a_change(b'"spaceId":"', b"x"),
    "a space id in a record": in_a_record(b'"spaceId":"', b"x"),
    "an event id": a_change(b'"eventId":"', b"{"),
    "an operation": a_change(b'"op":"', b"insert"),
    "a stamp": in_a_record(b'"updatedAt":"', b"2"),
    "the name of a field": in_a_record(b'"', b"x", b'":1'),
    "blanks": lambda: b" " * MOST,
    "bytes that are no text": lambda: b'"' + b"\xff" * (MOST - 2) + b'"',
}


@pytest.mark.parametrize("make", HUGE.values(), ids=HUGE)
async def test_a_huge_body_is_refused_in_few_words(house, make):
    body = make()
    assert len(body) <= MOST
    answer = await house.push_raw(body)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert answer.json()["error"] in {"invalid-input", "invalid-json"}
    assert len(answer.content) < 500
    assert house.rows() == []


async def test_three_million_empty_changes_are_too_many(house):
    answer = await house.push_raw(filled(b'{"clientId":"x","changes":[{}', b",{}", b"]}"))
    assert (answer.status_code, answer.json()["error"]) == (413, "payload-too-large")


async def test_a_compressed_body_is_not_unpacked(house):
    small = gzip.compress(filled(b'{"clientId":"x","changes":[', b" ", b"]}"))
    answer = await house.push_raw(small, headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-json")


@pytest.mark.parametrize("length", ["0", "5", "-1", "+5", "1e9", "9" * 400, "\xb2", "", "5, 5"])
async def test_a_length_that_is_announced_wrongly_lets_nothing_longer_in(house, length):
    body = json.dumps({"clientId": "x", "changes": [insertion(data={"x": "y" * MOST})]})
    answer = await house.push_raw(body, headers={"content-length": length.encode("latin-1")})
    assert (answer.status_code, answer.json()["error"]) == (413, "payload-too-large")


HEADERS = {
    "a header after it": b"phone\r\nX-Service-Key: " + SERVICE_KEY.encode(),
    "a carriage return": b"phone\rx",
    "a line feed": b"phone\nx",
    "NUL behind": b"phone\0",
    "NUL alone": b"\0",
    "a tabulator": b"\t",
    "delete": b"\x7f",
    "next line": b"\x85",
    "a blank that does not break": b"\xa0",
    "a hyphen that does not show": b"\xad",
    "201 characters": b"x" * 201,
    "100,000 characters": b"x" * 100_000,
}


@pytest.mark.parametrize("name", HEADERS.values(), ids=HEADERS)
async def test_a_client_id_that_no_header_should_have_is_refused(house, name):
    answer = await house.push(insertion(), headers={"x-client-id": name})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert answer.json()["message"].startswith("X-Client-Id: ")
    assert answer.headers.keys() == {"content-length", "content-type"}
    assert SERVICE_KEY not in answer.text
    assert house.rows() == []


@pytest.mark.parametrize("name", ["ph\xf6ne", "\u96fb\u8a71", "\U0001f4f1"])
async def test_a_client_id_beyond_ascii_goes_through_in_a_body(house, name):
    answer = await house.push(insertion(), clientId=name)
    assert answer.json()["serverChanges"][0]["clientId"] == name


async def test_a_client_id_beyond_ascii_is_latin_1_in_a_header(house):
    answer = await house.push(insertion(), headers={"x-client-id": b"ph\xf6ne"})
    assert answer.json()["serverChanges"][0]["clientId"] == "ph\xf6ne"


CURSORS = {
    "a line break behind": END + "\r\n",
    "a header behind": END + "\r\nX-Evil: 1",
    "a line break before": "\r\n" + END,
    "NUL behind": END + "\0",
    "NUL before": "\0" + END,
    "a blank behind": END + " ",
    "a line break within": END[:6] + "\n" + END[6:],
    "a character that does not show": END.replace("c1.", "c1.\u200b"),
    "a letter of full width": END[:-1] + "\uff41",
    "a time and a line break": STAMP + "\r\n",
    "a time and NUL": STAMP + "\0",
    "a time in Arabic digits": STAMP.replace("0", "\u0660"),
    "a time over two lines": STAMP.replace("T", "\n"),
}


@pytest.mark.parametrize("since", CURSORS.values(), ids=CURSORS)
async def test_a_cursor_with_something_more_in_it_is_none(house, since):
    for answer in (await house.pull(since=since), await house.push(insertion(), since=since)):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
        assert answer.json()["message"].startswith("since: ")
        assert answer.headers.keys() == {"content-length", "content-type"}
    assert house.rows() == []


async def test_half_a_character_is_no_cursor(house):
    answer = await house.push(insertion(), since="\ud800")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")


@pytest.mark.parametrize("user", ["%00", "%0d%0aanna", "anna%00", "x" * 201, "anna%0a"])
async def test_nobody_of_a_hostile_name_is_forgotten(house, user):
    await house.push(insertion())
    answer = await house.http.delete(
        f"/api/v1/internal/users/{user}/changes", headers={"x-service-key": SERVICE_KEY}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")
    assert await house.pull_ids() == ["1"]
