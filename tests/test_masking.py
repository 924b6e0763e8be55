"""No secret of an address is shown, however the address is malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.masking import is_unclear, masked, shown

SECRET = "S3cr3tW0rd"

MALFORMED = [
    "clickhouse://user:{}@host:9000/db",
    "clickhouse://user:{}@host:port/db",
    "clickhouse://user:{}@[::1/db",
    "clickhouse://user:a/{}@host/db",
    "clickhouse://user:a@{}@host/db",
    "clickhouse://user:a?{}@host/db",
    "clickhouse://user:a#{}@host/db",
    "clickhouse://user:{}",
    "clickhouse:/user:{}@host/db",
    "clickhouse:user:{}@host",
    "user:{}@host:9000/db",
    "://user:{}@host",
    "://user:{}://x@host:9000/db",
    "http://user:{}@host:99999/",
    "http://{}@host/",
    "http://user:p@{}@host/",
    "http://host/?password={}",
    "http://host/?{}",
    "http://host/a?user=x&password={}&z=1",
    "http://host/a?token=a@{}",
    "http://host/#token={}",
    "http://host\\@{}@evil/",
    "http://user:{}\uff0f@host/",
    "postgresql://u@h/db?password={}",
    "HTTPS://User:{}@Host/x",
    "nonsense password={}",
]


@pytest.mark.parametrize("address", MALFORMED)
def test_a_malformed_address_shows_no_secret(address: str) -> None:
    text = address.format(SECRET)
    assert SECRET not in shown(text)
    assert SECRET not in shown(text, with_path=False)
    if "://" in text or "@" in text:
        assert SECRET not in masked(f"error: cannot read '{text}'; mind {text}.")


def test_a_webhooks_path_is_hidden_where_it_is_the_secret() -> None:
    assert (
        shown(f"https://hooks.example/services/{SECRET}", with_path=False)
        == "https://hooks.example/***"
    )
    assert shown("https://hooks.example/", with_path=False) == "https://hooks.example/"


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("", ""),
        ("seamwatch.example", "seamwatch.example"),
        ("https://a.example:8443/x/{trace_id}", "https://a.example:8443/x/{trace_id}"),
        ("http://[::1]:4318/v1/traces", "http://[::1]:4318/v1/traces"),
        ("chdb:///var/lib/seamwatch/telemetry", "chdb:///var/lib/seamwatch/telemetry"),
        ("https://u:p@a.example/x?y=1&z", "https://***@a.example/x?y=***&***"),
    ],
)
def test_what_is_surely_harmless_stays(address: str, text: str) -> None:
    assert shown(address) == text


def test_text_without_secrets_stays_as_it_is() -> None:
    for text in (
        "the control DSN cannot be read; set it to sqlite:///PATH or postgresql://user:password@host:port/database",
        "page: http://127.0.0.1:8420/",
        "POST /pay: 35 of 100 calls failed at 12:30:01",
        "mail kim@example.org",
    ):
        assert masked(text) == text


_PIECES = st.sampled_from(
    [
        "@",
        ":",
        "/",
        "?",
        "#",
        "[",
        "]",
        "%",
        "\\",
        "&",
        "=",
        "user",
        "host",
        ".",
        "9000",
        "a",
        "://",
        "\u2028",
    ]
)


@given(
    st.sampled_from(["clickhouse", "postgresql", "http", "https", ""]),
    st.lists(_PIECES, max_size=6).map("".join),
    st.lists(_PIECES, max_size=6).map("".join),
)
def test_a_password_never_shows_whatever_is_around_it(
    scheme: str, before: str, behind: str
) -> None:
    """A login: user, colon, a password with anything in it, at, host."""
    address = f"{scheme}://user:{before}{SECRET}{behind}@host:9000/db"
    assert SECRET not in shown(address)
    assert SECRET not in shown(address, with_path=False)
    if not any(mark.isspace() for mark in address):  # in running text an address ends at a space
        assert SECRET not in masked(address)


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_borne(text: str, with_path: bool) -> None:
    assert isinstance(shown(text, with_path=with_path), str)
    assert isinstance(masked(text), str)
    assert isinstance(is_unclear(text), bool)
