"""One POST to a receiver, over real sockets: pinned, bounded in time and size, without
redirects.
"""

import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.addresses import AddressRules
from monitor.alerts.wire import GuardedPost, Reply, judge_reply, retry_after
from monitor.errors import ReceiverBusy, ReceiverRefused
from tests.fixtures.receiver import HttpReceiver, answering

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCAL = AddressRules(["127.0.0.1"])


def test_a_receiver_on_loopback_is_refused_unless_allowed(http_receiver: HttpReceiver) -> None:
    with pytest.raises(ReceiverRefused, match="not a public address"):
        GuardedPost(AddressRules())(http_receiver.url, {}, b"{}")
    assert http_receiver.taken == []
    reply = GuardedPost(LOCAL)(http_receiver.url + "/a?b=c", {"X-One": "1"}, b"{}")
    assert (reply.status, reply.body) == (202, b"ok")
    assert (
        http_receiver.taken[0].path,
        http_receiver.taken[0].headers["x-one"],
        http_receiver.taken[0].text,
    ) == (
        "/a?b=c",
        "1",
        "{}",
    )


def test_a_name_that_leads_inside_is_refused(http_receiver: HttpReceiver) -> None:
    port = http_receiver.url.rsplit(":", 1)[1]
    with pytest.raises(ReceiverRefused):
        GuardedPost(AddressRules(ports=[int(port)]))(f"http://localhost:{port}/", {}, b"{}")
    assert http_receiver.taken == []


def test_a_redirect_is_not_followed(http_receiver: HttpReceiver) -> None:
    http_receiver.answer = answering(301, location="http://169.254.169.254/latest/meta-data")
    reply = GuardedPost(LOCAL)(http_receiver.url, {}, b"{}")
    with pytest.raises(ReceiverRefused, match="redirects are not followed"):
        judge_reply(reply, "receiver x")
    assert len(http_receiver.taken) == 1


def test_a_receiver_that_hangs_is_left_at_the_deadline(http_receiver: HttpReceiver) -> None:
    http_receiver.answer = lambda _handler: time.sleep(30)
    began = time.monotonic()
    with pytest.raises(ReceiverBusy, match="did not answer"):
        GuardedPost(LOCAL, total_seconds=0.4)(http_receiver.url, {}, b"{}")
    assert time.monotonic() - began < 15


def test_a_receiver_that_drips_is_left_at_the_deadline(http_receiver: HttpReceiver) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        for mark in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 2_000:
            handler.wfile.write(bytes([mark]))
            time.sleep(0.02)

    http_receiver.answer = drip
    began = time.monotonic()
    with pytest.raises(ReceiverBusy):
        GuardedPost(LOCAL, total_seconds=0.4)(http_receiver.url, {}, b"{}")
    assert time.monotonic() - began < 15


def test_of_a_reply_of_ten_megabytes_only_the_start_is_read(http_receiver: HttpReceiver) -> None:
    http_receiver.answer = answering(200, b"x" * 10_000_000)
    assert len(GuardedPost(LOCAL)(http_receiver.url, {}, b"{}").body) == 4096


def test_a_closed_port_is_a_reason_to_try_again() -> None:
    with pytest.raises(ReceiverBusy, match="did not answer"):
        GuardedPost(LOCAL)("http://127.0.0.1:9/", {}, b"{}")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_overloaded_receiver_is_tried_again_after_what_it_asks_for(status: int) -> None:
    with pytest.raises(ReceiverBusy) as busy:
        judge_reply(Reply(status, {"retry-after": "7"}, b""), "receiver x")
    assert busy.value.retry_after_seconds == 7


@pytest.mark.parametrize("status", [400, 406, 413, 415, 422])
def test_a_refusal_of_this_alert_is_final(status: int) -> None:
    with pytest.raises(ReceiverRefused) as refused:
        judge_reply(Reply(status, {}, b""), "receiver x")
    assert refused.value.final


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 401, 403, 404, 407, 410])
def test_a_refusal_of_every_alert_is_not_final(status: int) -> None:
    with pytest.raises(ReceiverRefused, match=str(status)) as refused:
        judge_reply(Reply(status, {}, b""), "receiver x")
    assert not refused.value.final


def test_an_error_text_shows_neither_secrets_nor_control_characters() -> None:
    with pytest.raises(ReceiverRefused) as refused:
        judge_reply(
            Reply(400, {}, b"bad key R0UT1NG\x1b[31m\r\nFAKE LOG LINE"), "receiver x", ["R0UT1NG"]
        )
    assert "R0UT1NG" not in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("-5", 0),
        ("999999", 3600),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        (" 120 ", 120),
        ("9" * 300, 3600),
        ("9" * 5000, None),
        ("-" + "9" * 200, 0),
        ("1.5", 1.5),
        ("1_000", None),
        ("١٢", None),
        ("²", None),
        ("inf", None),
        ("1e3", None),
        ("nan", None),
        ("Sun, 01 Mar 99999999 12:01:30 GMT", None),
        ("Sun, 01 Mar 2026 12:01:30 +99999999999999", None),
        ("Sun, 01 Mar 2026", None),
        (",,,", None),
        ("\x00", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_a_number_or_a_date_and_capped(
    text: str | None, seconds: float | None
) -> None:
    assert retry_after(text, NOON) == seconds


@given(
    st.one_of(
        st.text(),
        st.binary().map(lambda raw: raw.decode("latin-1")),
        st.from_regex(r"(Sun, )?[0-9 :+\-A-Za-z,]*"),
    )
)
def test_no_text_of_a_receiver_breaks_its_sender(text: str) -> None:
    seconds = retry_after(text, NOON)
    assert seconds is None or 0 <= seconds <= 3600
    with pytest.raises(ReceiverBusy):
        judge_reply(
            Reply(503, {"retry-after": text}, text.encode("utf-8", "replace")),
            "receiver x",
            ["secret"],
        )
