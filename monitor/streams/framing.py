"""Bytes of a file cut into records: varint-delimited messages, lines, payloads of GoReplay, or the
whole; and a guess at which it is.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from monitor.model.forms import TEXT_FORMS, begins_json, form_of, without_bom
from monitor.model.log_lines import GOREPLAY_MARK, line_form
from monitor.model.wire import signal_of

Framing = Literal["auto", "delimited", "raw", "lines", "goreplay"]
Encoding = Literal[
    "auto",
    "otlp_proto",
    "otlp_json",
    "jaeger_proto",
    "jaeger_json",
    "zipkin_proto",
    "zipkin_json",
    "json",
]

GUESS_BYTES = 1024 * 1024
BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)
_FIRST_LINES = 6
_BLANK = b" \t\r\n\x0b\x0c\0"
_PIECE = 65_536
_REQUEST_TAG = 0x0A  # field 1 of ExportTraceServiceRequest, resource_spans, length-delimited


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands where bytes could not be made a record: why, without quoting them."""

    reason: str


def delimited(stream: IO[bytes], max_bytes: int) -> Iterator[bytes | Unreadable]:
    """Messages, each after its length as a varint, as protobuf's writeDelimitedTo writes them.

    A length over `max_bytes` is stepped over; a cut-off or senseless tail ends the file with one
    `Unreadable`.
    """
    while True:
        length, shift = 0, 0
        while byte := stream.read(1):
            length |= (byte[0] & 0x7F) << shift
            shift += 7
            if byte[0] < 0x80 or shift > 63:  # varint: 7 bits a byte, at most 64 of them
                break
        if not byte:
            if shift:
                yield Unreadable("truncated: the file ends inside a length")
            return
        if byte[0] >= 0x80:  # as above
            yield Unreadable("bad_framing: a length of more than 64 bits")
            return
        if length <= max_bytes:
            message = stream.read(length)
            if len(message) < length:
                yield Unreadable(f"truncated: {len(message)} of {length} bytes")
                return
            yield message
        elif _skip(stream, length) < length:
            yield Unreadable("truncated: the file ends inside a message")
            return
        else:
            yield Unreadable(f"too_large: a message of {length} bytes")


def lines(stream: IO[bytes], max_bytes: int) -> Iterator[bytes | Unreadable]:
    """One record a line, empty lines and zeros around lines left out; a line over `max_bytes` is stepped over."""
    while line := stream.readline(max_bytes + 1):
        if len(line) > max_bytes and not line.endswith(b"\n"):
            while (rest := stream.readline(GUESS_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield Unreadable(f"too_large: a line of more than {max_bytes} bytes")
        elif text := line.strip(_BLANK):
            yield text


def marked(stream: IO[bytes], max_bytes: int) -> Iterator[bytes | Unreadable]:
    """One record a payload of GoReplay, which end with a mark; a payload over `max_bytes` is
    stepped over.
    """
    held, over = bytearray(), False
    while piece := stream.read(_PIECE):
        held += piece
        at = 0
        while (end := held.find(GOREPLAY_MARK, at)) >= 0:
            if over or end - at > max_bytes:
                yield Unreadable(f"too_large: a payload of more than {max_bytes} bytes")
            elif bytes(held[at:end]).strip():
                yield bytes(held[at:end])
            at, over = end + len(GOREPLAY_MARK), False
        del held[:at]
        if len(held) > max_bytes + len(GOREPLAY_MARK):
            del held[: -len(GOREPLAY_MARK)]
            over = True
    if over:
        yield Unreadable(f"too_large: a payload of more than {max_bytes} bytes")
    elif bytes(held).strip():
        yield bytes(held)


def raw(stream: IO[bytes], max_bytes: int) -> Iterator[bytes | Unreadable]:
    """The whole file as one record."""
    whole = stream.read(max_bytes + 1)
    yield (
        Unreadable(f"too_large: a file of more than {max_bytes} bytes")
        if len(whole) > max_bytes
        else whole
    )


def framed(stream: IO[bytes], framing: Framing, max_bytes: int) -> Iterator[bytes | Unreadable]:
    """The file's records; a broken or cut-off gzip stream ends them with one `Unreadable`."""
    read = {"delimited": delimited, "raw": raw, "goreplay": marked}.get(framing, lines)
    try:
        yield from read(stream, max_bytes)
    except BROKEN_GZIP as error:
        yield Unreadable(f"truncated: the gzip stream is broken ({type(error).__name__})")


def guess(prefix: bytes, encoding: Encoding, framing: Framing, *, whole: bool) -> Framing:
    """The framing, from a file's first bytes (`whole`: they are all of it). What was not "auto"
    stays.

    JSON and text are lines, unless the file is one document; protobuf is told by its lengths;
    other binary forms are one record, which is then refused by its name.
    """
    if framing != "auto":
        return framing
    prefix = without_bom(prefix)
    if encoding == "auto" and b"\0" in prefix and _is_text_with_holes(prefix):
        return "lines"
    if encoding.endswith("json") or (encoding == "auto" and begins_json(prefix)):
        return _json_framing(prefix, whole=whole)
    if encoding.endswith("proto"):
        return _proto_framing(prefix, whole=whole)
    form = form_of(prefix)
    if form == "goreplay":
        return "goreplay"
    if form == "keploy":
        return "raw"
    if form in TEXT_FORMS or not prefix.strip():
        return "lines"
    return (
        _proto_framing(prefix, whole=whole)
        if form == "" or form.endswith("_proto") or form.startswith("otlp")
        else "raw"
    )


def _is_text_with_holes(prefix: bytes) -> bool:
    """Whether zeros stand among lines of a log: so looks one that was cut off by `copytruncate`
    while its writer went on at the old place.
    """
    for piece in prefix.split(b"\n", _FIRST_LINES)[:_FIRST_LINES]:
        line = piece.strip(_BLANK)
        if line and b"\0" not in line:
            text = line[:_PIECE].decode("utf-8", "replace")
            if _is_document(line) or line_form(text)[0]:
                return True
    return False


def _json_framing(prefix: bytes, *, whole: bool) -> Framing:
    """Lines, unless none of the first lines is a document of its own and the whole file may be
    one.
    """
    first, *more = prefix.lstrip().split(b"\n", _FIRST_LINES)
    if whole:
        if _is_document(first):
            return "lines"
        return "raw" if _is_json(prefix) or _begins_with_lines_of_one(prefix) else "lines"
    # the last piece is cut somewhere: it is read for nothing, however long it is
    if any(map(_is_document, [first, *more][:-1])):
        return "lines"
    return "raw" if len(more) >= _FIRST_LINES - 1 else "lines"


def _begins_with_lines_of_one(prefix: bytes) -> bool:
    """Whether it begins with a document of several lines, which others may follow."""
    try:
        text = prefix.decode().lstrip()
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end]


def _is_document(line: bytes) -> bool:
    return line.strip()[:1] in (b"{", b"[") and _is_json(line)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _proto_framing(prefix: bytes, *, whole: bool) -> Framing:
    """Delimited when the messages that are whole in the prefix are sequences of `resource_spans`;
    of one that is not, the file may still be no such sequence as a whole: then it is a bad record
    among good ones. Else raw.
    """
    at = messages = 0
    as_one = _is_request(prefix, 0, len(prefix), cut=not whole)
    otherwise: Framing = "raw" if as_one else "delimited"
    while at < len(prefix):
        length, start = _varint(prefix, at)
        end = start + length
        if not messages and _is_jaeger(prefix[start:end]):
            return "delimited"
        if start == at or (length and start < len(prefix) and prefix[start] != _REQUEST_TAG):
            return otherwise if messages else "raw"
        if end > len(prefix):
            break
        if not _is_request(prefix, start, end):
            return otherwise if messages else "raw"
        at, messages = end, messages + 1
    if messages or not prefix:
        return "delimited"
    return otherwise


def _is_jaeger(message: bytes) -> bool:
    return signal_of(message) == "jaeger_proto"


def _is_request(data: bytes, at: int, end: int, *, cut: bool = False) -> bool:
    """Whether these bytes are length-delimited fields number 1 and nothing else; `cut`: the last
    may go on past the end.
    """
    while at < end:
        if data[at] != _REQUEST_TAG:
            return False
        length, start = _varint(data, at + 1)
        if start == at + 1:
            return cut
        at = start + length
    return at == end or (cut and at > end)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and where it ends; ends at `at` when there is none."""
    number = shift = 0
    for index in range(at, min(at + 10, len(data))):
        number |= (data[index] & 0x7F) << shift
        if data[index] < 0x80:  # the varint's last byte
            return number, index + 1
        shift += 7
    return 0, at


def _skip(stream: IO[bytes], count: int) -> int:
    """Read past so many bytes in small pieces; returns how many there were."""
    left = count
    while left and (piece := stream.read(min(left, GUESS_BYTES))):
        left -= len(piece)
    return count - left
