"""What a broker says and hangs up on is heard, in the clear and over TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from monitor.streams.last_words import hear_last_words
from tests.fixtures.broker import make_keys

ANSWER = b"the answer" * 900  # more than one look of the client takes


@contextmanager
def listening(keys: Path | None) -> Iterator[tuple[socket.socket, threading.Event]]:
    """A connection to one who answers and hangs up at once; set when both have happened."""
    gone = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            if keys:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(keys / "broker.pem")
                line = context.wrap_socket(line, server_side=True)
            line.sendall(ANSWER)
            line.close()
            gone.set()

        thread = threading.Thread(target=answer)
        thread.start()
        with socket.create_connection(server.getsockname(), 60) as line:
            yield line, gone
        thread.join(60)


def heard(transport: Any) -> tuple[bytes, Exception | None]:
    """All that comes without a fault, and the fault that ends it."""
    content = b""
    while True:
        data, fault = transport._sock_recv()
        if fault is not None:
            return content + data, fault
        content += data


@pytest.mark.parametrize("over_tls", [False, True])
def test_an_answer_that_comes_with_the_end_of_its_connection_is_heard(
    over_tls: bool, tmp_path: Path
) -> None:
    hear_last_words()
    hear_last_words()
    keys = tmp_path / "keys"
    if over_tls:
        make_keys(keys)
    with listening(keys if over_tls else None) as (line, gone):
        transport: Any
        if over_tls:
            transport = KafkaSSLTransport(
                None, line, host="127.0.0.1", ssl_cafile=str(keys / "ca.pem")
            )
            transport._sock.do_handshake()
        else:
            transport = KafkaTCPTransport(None, line)
        assert gone.wait(60)
        first, fault = transport._sock_recv()
        assert fault is None
        assert first
        rest, fault = heard(transport)
        assert first + rest == ANSWER
        assert "disconnected" in str(fault)
        transport._sock.close()
