"""A body as a log holds it: text, bytes, JSON that was parsed, Base64."""

import base64
import binascii
from typing import Any

import orjson

from monitor.decode.api_logs.fields import Refused
from monitor.model.exchanges import Body

BODILESS = frozenset({"204", "304"})
"""Statuses, as texts, whose answers have no body."""


def body_of(value: Any) -> Body:
    """A body as text or bytes, or as JSON bytes when the log held it parsed; None when absent.
    Raises Refused for what JSON cannot hold and what nests deeper than orjson writes (254), though
    it reads 1024.
    """
    if value is None or isinstance(value, str | bytes):
        return value
    try:
        return orjson.dumps(value)
    except TypeError:
        raise Refused("bad_body") from None


def plain_body(value: Any, encoding: object) -> Body:
    """A body of our plain form, by the shortest way. Raises Refused as the two beside it."""
    if type(value) is str and encoding is None:
        return value
    return unwrapped(body_of(value), encoding)


def unwrapped(body: Body, encoding: object) -> Body:
    """A body whose text stands for bytes by what the log says ("base64"). Raises Refused
    ("bad_body") when it does not.
    """
    if encoding != "base64" or body is None:
        return body
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("bad_body") from None
