"""Records that are gzip themselves, unpacked within bounds: a ratio, a size, and a budget for a
whole batch.
"""

import zlib

MAX_RATIO = 60  # telemetry packs 5 to 30 times; a bomb some 1,000
FREE_BYTES = 1024 * 1024
BATCH_BYTES = 256 * 1024 * 1024
GZIP = b"\x1f\x8b"


class Unpacker:
    """Unpacks the records of one batch. `most_bytes` bounds one record."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._left = BATCH_BYTES

    def unpack(self, value: bytes) -> tuple[bytes, str]:
        """(bytes, "") or (b"", reason): "bad_compression", or "too_large" over a bound."""
        bound = min(self._most_bytes, max(FREE_BYTES, MAX_RATIO * len(value)), self._left)
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            unpacked = unpacker.decompress(value, max(1, bound))
        except zlib.error:
            return b"", "bad_compression"
        self._left -= len(unpacked)
        if unpacker.eof:
            return unpacked, ""
        return b"", "too_large" if unpacker.unconsumed_tail or len(
            unpacked
        ) >= bound else "bad_compression"
