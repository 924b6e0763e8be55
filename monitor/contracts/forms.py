"""Bodies of forms, urlencoded and multipart, read as the JSON values that a schema may mean by
them.

https://spec.openapis.org/oas/v3.1.0#encoding-object, https://www.rfc-editor.org/rfc/rfc7578
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from monitor.contracts.payloads import without_parameters
from monitor.contracts.readings import Reading, readings

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_PARTS = 500
_MOST_CHOICES = 64
_BOUNDARY = re.compile(rb"\s*--([!-~]{1,70})[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field as it came: its name, its content, and what was told with it. `headers` by their
    names in lower case.
    """

    name: str
    content: bytes
    media: str = ""
    is_file: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How a schema's form is read, `read` once. `media` are the content types that a part may
    have, where they are told; fields in `other` are written in a way that is not read here.
    """

    read: Callable[[], Reading]
    media: Mapping[str, Sequence[str]] = field(default_factory=dict)
    other: frozenset[str] = frozenset()


def is_form(media: str) -> bool:
    """Whether bodies of a content type are forms."""
    return without_parameters(media) in (URLENCODED, MULTIPART)


def parts_of(raw: str | bytes, media: str) -> list[FormPart] | None:
    """The fields in their order; None for what is cut off, too many, or no form."""
    body = raw if isinstance(raw, bytes) else raw.encode("utf-8", "replace")
    if without_parameters(media) == MULTIPART:
        return _multipart(body)
    if body.count(b"&") >= MOST_PARTS:
        return None
    pairs = (
        part.partition("=") for part in body.decode("utf-8", "replace").strip().split("&") if part
    )
    return [FormPart(unquote_plus(name), unquote_plus(value).encode()) for name, _, value in pairs]


class _Gathered:
    """What the parser tells, part by part."""

    def __init__(self) -> None:
        self.parts: list[FormPart] = []
        self.ended = False
        self._name, self._value = b"", b""
        self._headers: dict[str, bytes] = {}
        self._content: list[bytes] = []

    def begin(self) -> None:
        self._headers, self._content = {}, []

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name, self._value = b"", b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def part_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        headers = {key: value.decode("utf-8", "replace") for key, value in self._headers.items()}
        media = headers.get("content-type", "").strip().lower()
        file_name = options.get(b"filename")
        is_file, title = file_name is not None, (file_name or b"").decode("utf-8", "replace")
        self.parts.append(FormPart(name, b"".join(self._content), media, is_file, headers, title))
        if len(self.parts) > MOST_PARTS:
            raise FormParserError("too many parts")

    def end(self) -> None:
        self.ended = True


def _multipart(body: bytes) -> list[FormPart] | None:
    """The boundary is the first line's: headers are known in lower case alone."""
    match = _BOUNDARY.match(body)
    if match is None:
        return None
    gathered = _Gathered()
    parser = MultipartParser(
        match[1],
        {
            "on_part_begin": gathered.begin,
            "on_part_data": gathered.data,
            "on_part_end": gathered.part_end,
            "on_header_field": gathered.header_field,
            "on_header_value": gathered.header_value,
            "on_header_end": gathered.header_end,
            "on_end": gathered.end,
        },
    )
    try:
        parser.write(body[match.start(1) - 2 :])
        parser.finalize()
    except (FormParserError, ValueError):
        return None
    return gathered.parts if gathered.ended else None


def values_of(parts: Sequence[FormPart], reading: Reading) -> Iterator[dict[str, Any]]:
    """The objects that a form may stand for, the most specific first; at least one, at most some
    dozens.
    """
    named: dict[str, list[FormPart]] = {}
    for part in parts:
        named.setdefault(part.name, []).append(part)
    choices = [_choices(group, reading.of(name)) for name, group in named.items()]
    whole = 1
    for options in choices:
        whole *= len(options)
    combined = (
        itertools.product(*choices)
        if whole <= _MOST_CHOICES
        else iter([[options[0] for options in choices], [options[-1] for options in choices]])
    )
    for values in combined:
        yield dict(zip(named, values, strict=True))


def _choices(parts: Sequence[FormPart], reading: Reading) -> list[Any]:
    """What the parts of one name may stand for: several are a list, one alone may be one."""
    values: list[Any] = []
    if len(parts) > 1 or reading.kinds == {"array"}:
        items = [_one(part, reading.items or Reading()) for part in parts]
        values.append([choices[0] for choices in items])
        if any(len(choices) > 1 for choices in items):
            values.append([choices[-1] for choices in items])
    if len(parts) == 1:
        values += [value for value in _one(parts[0], reading) if value not in values]
    return values


def _one(part: FormPart, reading: Reading) -> list[Any]:
    text = part.content.decode("latin-1" if part.is_file else "utf-8", "replace")
    if part.is_file and "json" not in part.media:
        return [text]
    values: list[Any] = []
    if "json" in part.media or not reading.kinds.isdisjoint(("object", "array")):
        try:
            document = orjson.loads(part.content)
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict | list) or "json" in part.media:
            values.append(document)
    return values or list(readings(text, reading))
