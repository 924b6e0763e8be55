"""An answer that comes together with the end of its connection is heard; answers are read in
large pieces.

A broker that refuses a login answers why and closes at once. When both are there at the same look
(on a busy machine they mostly are), kafka-python's transports throw the answer away and tell that
the socket was disconnected. They also read 4 KB at a time, and give up Python's lock for each. So
their reading method is replaced: what was received counts first, and the end is found at the next
look, since it stays readable.
"""

import logging
import ssl
import threading
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

PIECE_BYTES = 512 * 1024
_NOTHING_MORE = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

log = logging.getLogger("kafka.net.transport")


class _Room(threading.local):
    """Where a thread receives: room that is new costs more than copying out of this."""

    def __init__(self) -> None:
        self.bytes = memoryview(bytearray(PIECE_BYTES))


_room = _Room()


def hear_last_words() -> None:
    """For every kafka-python client of this process. May be called again."""
    for kind in (KafkaTCPTransport, KafkaSSLTransport):
        kind._sock_recv = _received  # noqa: SLF001  # see the head of this module


def _received(transport: Any) -> tuple[bytes, Exception | None]:
    """All that is there; a fault only when nothing is. What TLS has unpacked shows at no socket,
    so nothing may be left behind.
    """
    parts: list[bytes] = []
    fault: Exception | None = None
    while True:
        try:
            size = transport._sock.recv_into(_room.bytes)  # noqa: SLF001  # as theirs does
        except _NOTHING_MORE:
            break
        except (OSError, ValueError, AttributeError) as error:
            fault = KafkaConnectionError(error)
            break
        if not size:
            fault = KafkaConnectionError("socket disconnected")
            break
        parts.append(bytes(_room.bytes[:size]))
    if fault is not None and not parts:
        log.error("%s: %s", transport, fault)
        return b"", fault
    return b"".join(parts), None
