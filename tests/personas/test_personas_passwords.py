"""What a persona's password is."""

import pytest
from personas_house import ANNA, BEN, MAYA, SECRET

from mana_lab.personas import persona_password


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (ANNA, "1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA"),
        (BEN, "UQ4j64WupivIkoy7XxwPFgA9cQVKXKsW"),
        (MAYA, "cGqE8D7hwpIKvyjBql7vJAXAvbBlepEZ"),
    ],
)
def test_a_password_is_the_one_that_other_implementations_derive(email, password):
    assert persona_password(email, SECRET) == password


def test_another_secret_gives_everybody_another_password(catalog):
    emails = [persona.email for persona in catalog]
    for email in emails:
        assert persona_password(email, SECRET) != persona_password(email, f"{SECRET}!")
    assert len({persona_password(email, SECRET) for email in emails}) == len(emails)


def test_a_password_is_32_letters_and_digits_whatever_the_secret():
    for number in range(300):
        password = persona_password(ANNA, f"secret ü {number}")
        assert len(password) == 32
        assert password.isascii()
        assert password.isalnum()


def test_a_capital_letter_in_the_address_gives_another_password():
    assert persona_password(ANNA.title(), SECRET) != persona_password(ANNA, SECRET)
