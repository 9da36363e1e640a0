import re

import pytest

from mana_lab import errors
from mana_lab.errors import (
    ConflictError,
    InvalidInputError,
    ManaLabError,
    NotFoundError,
    ServiceUnavailableError,
    TokenExpiredError,
    error_classes,
    error_from_wire,
)


def all_errors():
    found = [ManaLabError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return [cls for cls in found if cls.__module__ == errors.__name__]


def test_every_error_has_a_code_of_its_own():
    codes = [cls.code for cls in all_errors()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_the_tree_in_the_module_docstring_is_complete():
    drawn = dict(re.findall(r"── (\w+) +([a-z-]+)$", errors.__doc__, flags=re.MULTILINE))
    assert drawn == {cls.__name__: cls.code for cls in all_errors() if cls is not ManaLabError}


def test_a_kind_is_shared_by_a_whole_family():
    for cls in all_errors():
        if cls is not ManaLabError and cls.__mro__[1] is not ManaLabError:
            assert cls.kind == cls.__mro__[1].kind


@pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
def test_an_error_survives_the_wire(cls):
    back = error_from_wire(cls.status, cls.code, "what happened")
    assert type(back) is error_classes()[cls.code]
    assert back.message == "what happened"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "token-expired", TokenExpiredError),
        (404, None, NotFoundError),
        (409, "something-else", ConflictError),
        (422, None, InvalidInputError),
        (503, None, ServiceUnavailableError),
        (500, "token-expired", ServiceUnavailableError),
    ],
)
def test_a_foreign_answer_becomes_the_nearest_error(status, code, expected):
    assert type(error_from_wire(status, code, "text")) is expected
