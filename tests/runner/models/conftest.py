"""Whom these tests play with."""

import pytest


@pytest.fixture(scope="module")
def mana(shared):
    return shared
