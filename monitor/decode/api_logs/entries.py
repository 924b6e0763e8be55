"""What a record holds: one value of JSON, several, one a line, lines of text, or a text that is
one entry.
"""

import json
import re
from collections.abc import Iterator

import orjson

from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.keploy import keploy_documents
from monitor.decode.api_logs.recognising import is_one_text
from monitor.model.log_lines import KEPLOY_HEAD


def entries(value: bytes) -> Iterator[object]:
    """What a record holds: one JSON value, the items of an array, or one a line; text for what is
    no JSON, None for no text at all.

    Refuses nothing at all ("empty").
    """
    try:
        held = orjson.loads(value)
    except orjson.JSONDecodeError:
        yield from _lines(value)
        return
    if not isinstance(held, list):
        yield held
        return
    if not held:
        raise Refused("empty")
    event = _event(held)
    if event is not held:
        yield event
        return
    yield from (_event(entry) if entry is not None else 0 for entry in held)


def _event(held: object) -> object:
    """The record of an event as Fluent Bit holds it, `[time, record]` or since 2.1 `[[time,
    metadata], record]`, with the time where its outputs write it; else what is held.

    https://docs.fluentbit.io/manual/concepts/key-concepts#event-format
    """
    if not isinstance(held, list) or len(held) != 2 or not isinstance(held[1], dict):
        return held
    time, record = held
    if isinstance(time, list) and len(time) == 2 and isinstance(time[1], dict):
        time = time[0]
    if isinstance(time, bool) or not isinstance(time, int | float):
        return held
    return {"date": time, **record}


def _lines(value: bytes) -> Iterator[object]:
    whole = _text(value)
    if whole is not None and is_one_text(whole):
        yield whole
        return
    if whole is not None and KEPLOY_HEAD.match(whole):
        yield from keploy_documents(whole)
        return
    documents = _documents(value)
    if documents:
        yield from documents
        return
    lines = [line for line in value.split(b"\n") if line.strip()]
    if not lines:
        raise Refused("empty")
    for line in lines:
        try:
            yield _event(orjson.loads(line))
        except orjson.JSONDecodeError:
            yield _text(line.strip())


def _documents(value: bytes) -> list[object]:
    """The JSON values that a text of several lines each holds one after the other; none where it
    is anything else.
    """
    if value[:1] not in b"{[" or _is_json(value.split(b"\n", 1)[0]):
        return []
    documents: list[object] = []
    try:
        text, at = value.decode(), 0
        while at < len(text):
            begin = at
            _, at = _DECODER.raw_decode(text, begin)
            # ours tells where a value ends and accepts more than JSON
            documents.append(orjson.loads(text[begin:at]))
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always matches
    except (ValueError, RecursionError):
        return []
    return documents


_DECODER, _SPACE = json.JSONDecoder(), re.compile(r"\s*")


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return (
            value.decode("latin-1")
            if value[:1].isascii() and value[:1].isalnum() and b" " in value[:64]
            else None
        )
