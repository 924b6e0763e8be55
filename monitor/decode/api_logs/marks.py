"""A body as a source tells it: cut off, masked as a whole, or not there."""

from typing import Any

from monitor.decode.api_logs import bodies
from monitor.model.body_marks import cut_at, stands_for_body
from monitor.model.exchanges import Body

NO_BODIES = ("-", "(null)", "null", "<nil>")


def body_and_cut(value: Any) -> tuple[Body, bool]:
    """A body and whether the log cut it; None for what is no body: "-", or a mask of the whole."""
    body = bodies.body_of(value)
    if not isinstance(body, str):
        return body, False
    if body in NO_BODIES or stands_for_body(body):
        return None, False
    at = cut_at(body)
    return (body, False) if at is None else (body[:at], True)
