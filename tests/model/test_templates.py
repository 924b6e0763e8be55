"""Templates of failure messages keep what went wrong and nothing of whom or what it was about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.templates import template_of


@pytest.mark.parametrize(
    ("message", "template"),
    [
        (
            "TimeoutError: connection to db-3.prod:5432 timed out after 3000ms",
            "TimeoutError: connection to <address> timed out after <num>",
        ),
        (
            "invalid card number 4111 1111 1111 1111 for Jane Doe",
            "invalid card number <num> for <name>",
        ),
        ("User 'jane' not found", "User <text> not found"),
        ("user jane not found", "user <value> not found"),
        ("password hunter wrong", "password <value> wrong"),
        ("the password is wrong", "the password is wrong"),
        ("token=abc123 rejected", "token <value> rejected"),
        ("no such order: 8f14e45f-ceea-467f-9575-d2a3b1c0aa11", "no such order: <id>"),
        ('{"card": "4111', "<text>"),
        ("mail to jane@example.org failed", "mail to <address> failed"),
        ("Deadline exceeded", "Deadline exceeded"),
        ("HTTP 503 from /v1/pay/123\nat Foo.java:3", "HTTP <num> from <address>"),
        ("ungültig", "<id>"),
        ("   ", ""),
    ],
)
def test_what_is_said_stays_and_values_do_not(message: str, template: str) -> None:
    assert template_of(message) == template


@given(
    number=st.integers(0, 10**18),
    name=st.from_regex(r"[A-Z][a-z]{2,10}", fullmatch=True),
    text=st.text("abc123 ", min_size=1),
)
def test_messages_that_differ_in_values_alone_share_a_template(
    number: int, name: str, text: str
) -> None:
    template = template_of(f"order {number} of {name} failed: '{text}' is not allowed")
    assert template == "order <num> of <name> failed: <text> is not allowed"


@given(st.text())
def test_no_digit_and_nothing_long_stays_of_any_text(text: str) -> None:
    template = template_of(text)
    assert not any(letter.isdigit() for letter in template)
    assert len(template.split()) <= 17
    assert all(len(word) <= 45 for word in template.split())
