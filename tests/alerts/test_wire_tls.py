"""Over TLS the address is the checked one and the name is still verified."""

import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from monitor.alerts.addresses import AddressRules
from monitor.alerts.wire import GuardedPost
from monitor.errors import ReceiverBusy


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a self-signed certificate for localhost, in one folder."""
    program = shutil.which("openssl")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("openssl is missing; install Debian's openssl")
        pytest.skip("openssl is missing; install Debian's openssl")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    command = [
        program,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        *names,
        *files,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return tmp_path


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """The port of an HTTPS receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_parts: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_receiver_with_a_trusted_certificate_is_reached_by_its_name(
    certificate: Path, tls_port: int
) -> None:
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    post = GuardedPost(AddressRules(["localhost"]), trust=trust)
    assert post(f"https://localhost:{tls_port}/x", {}, b"{}").body == b"ok"


def test_a_certificate_for_another_name_is_no_receiver(certificate: Path, tls_port: int) -> None:
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    with pytest.raises(ReceiverBusy, match=r"(?i)certificate"):
        GuardedPost(AddressRules(["127.0.0.1"]), trust=trust)(
            f"https://127.0.0.1:{tls_port}/x", {}, b"{}"
        )


def test_a_certificate_that_nobody_vouches_for_is_no_receiver(tls_port: int) -> None:
    with pytest.raises(ReceiverBusy, match=r"(?i)certificate"):
        GuardedPost(AddressRules(["localhost"]))(f"https://localhost:{tls_port}/x", {}, b"{}")
