"""A body as it came, decoded once and with care: what it holds, or why it cannot be looked at."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import orjson

from monitor.contracts.encodings import ENCODED, unpacked_body
from monitor.contracts.limits import PAYLOAD_LIMITS, PayloadLimits
from monitor.contracts.proving import DEEPEST, FAULTLESS, OPEN, Proof
from monitor.model.body_marks import cut_at, stands_for_body
from monitor.model.exchanges import Body
from monitor.model.forms import without_bom

# Why a body cannot be checked. "not_json" alone is the provider's fault, all others are ours or
# the source's.
NO_BODY, EMPTY, TRUNCATED, TOO_LARGE, TOO_DEEP, NOT_JSON, MEDIA_TYPE, UNDECIDABLE = (
    "no_body",
    "empty",
    "truncated",
    "too_large",
    "too_deep",
    "not_json",
    "media_type",
    "undecidable",
)
_JSON_TYPES = frozenset({"application/json", "text/json", "application/x-json"})


def _unmarked(body: str | bytes) -> str | bytes:
    """Without UTF-8's byte order mark, which a reader of JSON may step over (RFC 8259, 8.1)."""
    return body.removeprefix("\ufeff") if isinstance(body, str) else without_bom(body)


def without_parameters(media: str) -> str:
    """A media type alone."""
    return media.partition(";")[0].strip()


def is_json_type(media: str) -> bool:
    """Whether a media type (lower case) holds JSON: application/json and all `+json`, with or
    without parameters.
    """
    kind = media.partition(";")[0].rstrip() if ";" in media else media
    return kind in _JSON_TYPES or kind.endswith("+json")


# Digits that orjson may turn into a float: more than an integer of 64 bits has, or as many.
_LONG = b"0" * 19
_MOST_DIGITS = 4_000  # Python reads integers of some 4,300
_AS_ZEROS = bytes(48 if chr(byte).isdecimal() and byte < 128 else byte for byte in range(256))


class Clauses(Protocol):
    """What a body is held against."""

    def fits(self, instance: Any, /) -> bool:
        """Whether it keeps every clause."""


class Payload:
    """One side's body. Decoding happens at the first question and once; integers of any length
    stay exact.

    Not thread-safe.
    """

    __slots__ = (
        *("_body", "_headers", "_length", "_limits", "_long", "_media", "_problem"),
        *("_held", "_retold", "_same", "_truncated", "_value", "faultless"),
    )

    def __init__(
        self,
        body: Body,
        headers: Mapping[str, str],
        *,
        truncated: bool = False,
        limits: PayloadLimits = PAYLOAD_LIMITS,
    ) -> None:
        self._body = body
        self._headers = headers
        self._limits = limits
        self._value: Any = None
        self._problem: str | None = None
        self._truncated = truncated
        self._long = False  # whether it holds as many digits as a float may round
        self._same = False  # whether the value, written anew, gives the very body
        self._retold = b""  # the value written anew, where it differs from the body
        self._media: str | None = None
        self._length: str | None = None
        self._held: tuple[Clauses, Any, bool] | None = None
        self.faultless = False
        """Whether it is known, without decoding it, to be an object that tells of no fault
        (proving.py).
        """

    @property
    def media(self) -> str:
        """The content type with its parameters, in lower case, "" when the source does
        not tell.
        """
        if self._media is None:
            self._media = (
                self._headers.get("content-type", "").strip().lower() if self._headers else ""
            )
        return self._media

    @property
    def described(self) -> bool:
        """Whether any header is known."""
        return bool(self._headers)

    @property
    def encoding(self) -> str:
        """The content encoding as it came, "" when the source does not tell."""
        return self._headers.get("content-encoding", "") if self._headers else ""

    @property
    def length(self) -> str:
        """The content length as it came, "" when the source does not tell, or when it is not that
        of what was unpacked.
        """
        if self._length is None:
            self._length = self._headers.get("content-length", "") if self._headers else ""
        return self._length

    @property
    def limits(self) -> PayloadLimits:
        """How much of it is looked at."""
        return self._limits

    @property
    def problem(self) -> str:
        """Why there is no value; "" when there is one."""
        if self._problem is None:
            self._problem = self._read()
        return self._problem

    @property
    def value(self) -> Any:
        """The decoded body; only when `problem` is ""."""
        return self._value

    @property
    def undecoded(self) -> str | bytes:
        """The body where it may hold JSON and nobody has decoded it yet, else ""."""
        body, media = self._body, self.media
        if (
            self._problem is not None
            or self._truncated
            or not body
            or len(body) > self._limits.body_bytes
        ):
            return ""
        return "" if media and media not in _JSON_TYPES and not is_json_type(media) else body

    def proven_by(self, proves: Proof) -> bool:
        """Whether it keeps what a proof is of, told without decoding it; false where one has to
        look.
        """
        text = self.undecoded if self._limits.depth >= DEEPEST else ""
        verdict = proves(text) if text else OPEN
        if verdict == FAULTLESS:
            self.faultless = True
        return verdict != OPEN

    def keeps(self, schema: "Clauses") -> bool:
        """Whether the value keeps every clause of a schema; only when `problem` is "". What is
        asked twice in a row is held against it once.
        """
        held, value = self._held, self.value
        if held is None or held[0] is not schema or held[1] is not value:
            held = self._held = schema, value, schema.fits(value)
        return held[2]

    def raw(self) -> tuple[str | bytes, str]:
        """The body as it is, whatever its media type, and "": without its encoding where one is
        told. Else "" and why not.
        """
        problem = self._absent()
        if problem:
            return "", problem
        body = self._body
        assert body is not None
        if self.encoding.strip().lower() in ("", "identity"):
            return body, ""
        unpacked, problem = unpacked_body(body, self.encoding, self._limits.body_bytes)
        if problem == ENCODED and (isinstance(body, str) or _is_text(body)):
            return body, ""  # logs often hold what was decoded
        return (body if unpacked is None else unpacked, "") if not problem else ("", problem)

    def _absent(self) -> str:
        body = self._body
        if self._truncated:
            return TRUNCATED
        if not body:
            return EMPTY if self.length == "0" else NO_BODY
        return TOO_LARGE if len(body) > self._limits.body_bytes else ""

    def _read(self) -> str:
        body = self._body
        if self._truncated or not body or len(body) > self._limits.body_bytes:
            return self._absent()
        media = self.media
        if media and media not in _JSON_TYPES and not is_json_type(media):
            return MEDIA_TYPE
        return self._decode(body)

    def _decode(self, body: str | bytes) -> str:
        """JSON as it is, whatever the headers say of an encoding (logs often hold what was
        decoded); else what unpacks to it.
        """
        try:
            self._load(body)
        except orjson.JSONDecodeError:
            unmarked = self._body = _unmarked(body)
            problem = self._decode_anyhow(unmarked)
            if problem:
                return problem
        assert self._body is not None
        if _brackets(self._body) > self._limits.depth and _deeper(self._value, self._limits.depth):
            self._value = None
            return TOO_DEEP
        return ""

    def _decode_anyhow(self, body: str | bytes) -> str:
        """Of what is no JSON as it stands: without a mark before it, or unpacked. "" when it is
        read.
        """
        try:
            self._load(body)
        except orjson.JSONDecodeError as error:
            unpacked, problem = unpacked_body(body, self.encoding, self._limits.body_bytes)
            if problem:
                return problem
            if unpacked is None:
                return self._unreadable(error)
            self._body = _unmarked(unpacked)
            try:
                self._load(self._body)
            except orjson.JSONDecodeError as inner:
                self._length = ""
                return self._unreadable(inner)
        return ""

    def _load(self, body: str | bytes) -> None:
        """JSON with exact integers. orjson decides what is JSON; what holds as many digits as a
        float may round is read again.

        Most bodies are the very text that their value gives when it is written anew: then nothing
        of them was rounded, no key stands twice, and neither needs a look of its own. Raises
        orjson.JSONDecodeError.
        """
        value = self._value = orjson.loads(body)
        raw = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
        try:
            retold = orjson.dumps(value)
        except TypeError:  # nested deeper than orjson writes
            retold = b""
        if retold == raw:
            self._same = True
            return
        self._retold = retold
        if _LONG in raw.translate(_AS_ZEROS):
            self._long = True
            # an integer of more digits than Python reads stays a float
            with suppress(ValueError, RecursionError):
                self._value = json.loads(raw)

    def _unreadable(self, error: orjson.JSONDecodeError) -> str:
        body = self._body
        if "depth limit" in error.msg:
            return TOO_DEEP
        assert body is not None
        size = len(body) if isinstance(body, bytes) else len(body.encode("utf-8", "replace"))
        length = int(self.length) if self.length.isdecimal() and len(self.length) < 20 else None
        if length is not None and length > size:
            return TRUNCATED
        ends = "unexpected end" in error.msg or (isinstance(body, bytes) and _ends_in_a_sign(body))
        if ends and length != size:  # else nothing was cut: its sender ended it so
            return TRUNCATED
        if "infinity" in error.msg or "surrogate" in error.msg:
            return self._read_by_the_letter(body)
        if not self.media:
            return MEDIA_TYPE  # nobody said that it is JSON
        return _by_mark(body) or NOT_JSON

    def _read_by_the_letter(self, body: str | bytes) -> str:
        """JSON that orjson does not take: integers beyond any double are read; other such numbers,
        and halves of surrogate pairs (which `JSON.stringify` writes of a text that was cut), are
        JSON that no value can hold here.
        """
        text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
        try:
            value = json.loads(
                text, parse_int=_whole, parse_float=_finite, parse_constant=_no_json
            )
            json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            return TOO_DEEP
        except (_Unholdable, UnicodeEncodeError):
            return UNDECIDABLE
        except ValueError:
            return NOT_JSON if self.media else MEDIA_TYPE
        self._value = value
        return ""

    def repeats_a_key(self) -> bool:
        """Whether some object holds one key twice, which parsers read differently. Exact; cheap
        when there is none.
        """
        if self.problem or self._same or self._body is None:
            return False
        raw = (
            self._body if isinstance(self._body, bytes) else self._body.encode("utf-8", "replace")
        )
        if b"\\u003" not in raw and not self._long and raw.count(b":") == self._retold.count(b":"):
            return False
        repeated = False

        def pairs(entries: list[tuple[str, Any]]) -> None:
            nonlocal repeated
            repeated = repeated or len({name for name, _ in entries}) != len(entries)

        try:
            json.loads(raw, object_pairs_hook=pairs)
        except (ValueError, RecursionError):
            return False
        return repeated


def _ends_in_a_sign(body: bytes) -> bool:
    """Whether JSON was cut off within a sign of UTF-8: without its piece it ends too early, too."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return False
        try:
            orjson.loads(body[: error.start])
        except orjson.JSONDecodeError as inner:
            return "unexpected end" in inner.msg
    return False


def _by_mark(body: str | bytes) -> str:
    """What a source that writes bodies as they are put in place of one, or behind one that it cut;
    "" where it did not.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    if stands_for_body(text):
        return NO_BODY
    # a sentence may end in three dots, too
    return TRUNCATED if text.lstrip()[:1] in ("{", "[") and cut_at(text) is not None else ""


class _Unholdable(Exception):
    """A number of JSON that no value can hold."""


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise _Unholdable
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Unholdable
    return number


def _no_json(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _is_text(body: bytes) -> bool:
    try:
        return body.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _brackets(body: bytes | str) -> int:
    return (
        body.count(b"[") + body.count(b"{")
        if isinstance(body, bytes)
        else body.count("[") + body.count("{")
    )


def _deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
        if not below:
            return False
        level = below
    return any(isinstance(node, dict | list) for node in level)


def deeper_than(value: object, depth: int) -> bool:
    """Whether a decoded payload nests deeper than `depth` containers."""
    return _deeper(value, depth)
