"""An answer that comes together with the end of its connection is heard.

A broker that refuses a login answers why and closes at once. When both are there at the same look
(on a busy machine they mostly are), kafka-python's transports throw the answer away and tell that
the socket was disconnected. So their reading method is replaced: what was received counts first,
and the end is found at the next look, since it stays readable.
"""

from typing import Any

from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

_AS_THEY_ARE: dict[Any, Any] = {
    kind: kind._sock_recv  # noqa: SLF001  # what is replaced
    for kind in (KafkaTCPTransport, KafkaSSLTransport)
}


def hear_last_words() -> None:
    """For every kafka-python client of this process. May be called again."""
    for kind in _AS_THEY_ARE:
        kind._sock_recv = _received  # noqa: SLF001  # see the head of this module


def _received(transport: Any) -> tuple[bytes, Exception | None]:
    pair: tuple[bytes, Exception | None] = _AS_THEY_ARE[type(transport)](transport)
    data, fault = pair
    return (data, None) if data else (data, fault)
