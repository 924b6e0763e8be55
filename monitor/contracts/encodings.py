"""Bodies that a log holds as they travelled: gzip, deflate, zstd, Brotli, base64, unpacked within
bounds.

https://www.rfc-editor.org/rfc/rfc9110#name-content-codings. Brotli has no mark of its own: it is
read where a header names it.
"""

import base64
import binascii
import zlib

import brotli
import orjson
import zstandard

ENCODED, TOO_LARGE = "encoded", "too_large"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_IDENTITY = frozenset({"", "identity"})
_MOST_CODINGS = 3
_STEP = 256
_BROTLI_STEP = 65_536
_WINDOW = 8_388_608  # what RFC 8878 asks decoders of HTTP to take


def unpacked_body(body: str | bytes, coding: str, most_bytes: int) -> tuple[bytes | None, str]:
    """(bytes, "") of a body that is no JSON itself; (None, "") when nothing says that it is
    encoded.

    (None, "encoded") when it is and cannot be unpacked, (None, "too_large") over `most_bytes`.
    `coding` is the Content-Encoding. Text is taken for base64 of the bytes, or for the bytes
    themselves one a character.
    """
    codings = [
        name for part in coding.lower().split(",") if (name := part.strip()) not in _IDENTITY
    ]
    from_base64 = _of_base64(body)
    raw = from_base64 if from_base64 is not None else _bytes(body)
    if codings:
        return (
            (None, ENCODED)
            if raw is None or len(codings) > _MOST_CODINGS
            else _undone(raw, codings, most_bytes)
        )
    if raw is not None:
        for magic, packing in ((_GZIP, "gzip"), (_ZSTD, "zstd")):
            if raw.startswith(magic):
                return _undone(raw, [packing], most_bytes)
    return (from_base64, "") if from_base64 is not None and _is_json(from_base64) else (None, "")


def _is_json(raw: bytes) -> bool:
    if raw.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    return True


def _bytes(body: str | bytes) -> bytes | None:
    """The bytes that a log wrote as text, one a character; None when some were lost on the way."""
    if isinstance(body, bytes):
        return body
    try:
        return body.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _of_base64(body: str | bytes) -> bytes | None:
    try:
        text = "".join((body if isinstance(body, str) else body.decode("ascii")).split())
    except UnicodeDecodeError:
        return None
    if len(text) < 8:
        return None
    try:
        return base64.b64decode(
            text + "=" * (-len(text) % 4),
            altchars=b"-_" if "-" in text or "_" in text else None,
            validate=True,
        )
    except (binascii.Error, ValueError):
        return None


def _undone(raw: bytes, codings: list[str], most_bytes: int) -> tuple[bytes | None, str]:
    for coding in reversed(codings):
        try:
            unpacked = _unpack(raw, coding, most_bytes)
        except (zlib.error, zstandard.ZstdError, brotli.error, EOFError, MemoryError):
            return None, ENCODED
        if unpacked is None:
            return None, ENCODED
        if len(unpacked) > most_bytes:
            return None, TOO_LARGE
        raw = unpacked
    return raw, ""


def _unpack(raw: bytes, coding: str, most_bytes: int) -> bytes | None:
    """At most one byte more than allowed, which tells that there is more; None when it is damaged,
    cut or of an unknown coding.
    """
    if coding in ("gzip", "x-gzip"):
        return _inflated(raw, zlib.MAX_WBITS | 16, most_bytes)
    if coding == "deflate":  # zlib by the letter, raw as many send it
        try:
            return _inflated(raw, zlib.MAX_WBITS, most_bytes)
        except zlib.error:
            return _inflated(raw, -zlib.MAX_WBITS, most_bytes)
    if coding == "zstd":
        return _unpacked_zstd(raw, most_bytes)
    if coding == "br":
        return _unpacked_brotli(raw, most_bytes)
    return None


def _unpacked_brotli(raw: bytes, most_bytes: int) -> bytes | None:
    """The bound on one step's output is met loosely, so that it is counted after each."""
    unpacker = brotli.Decompressor()
    unpacked = bytearray(unpacker.process(raw, output_buffer_limit=_BROTLI_STEP))
    while not unpacker.is_finished() and len(unpacked) <= most_bytes:
        more = unpacker.process(b"", output_buffer_limit=_BROTLI_STEP)
        if not more:
            return None  # cut
        unpacked += more
    return bytes(unpacked[: most_bytes + 1])


def _unpacked_zstd(raw: bytes, most_bytes: int) -> bytes | None:
    """In small steps, since a few bytes may stand for a whole block of 128 KiB."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    unpacked = bytearray()
    for at in range(0, len(raw), _STEP):
        unpacked += unpacker.decompress(raw[at : at + _STEP])
        if unpacker.eof or len(unpacked) > most_bytes:
            return bytes(unpacked[: most_bytes + 1])
    return None


def _inflated(raw: bytes, bits: int, most_bytes: int) -> bytes | None:
    unpacker = zlib.decompressobj(bits)
    unpacked = unpacker.decompress(raw, most_bytes + 1)
    return unpacked if unpacker.eof or len(unpacked) > most_bytes else None
