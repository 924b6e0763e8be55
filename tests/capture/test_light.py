"""What an application installs: our wheel with the extra for applications, out of a registry, into
an environment of its own.
"""

import subprocess
import sys
import venv
from pathlib import Path

import hatchling.build
import pytest

ROOT = Path(__file__).parents[2]
APPLICATION = """
import asyncio, importlib.metadata, json, sys
from seamwatch.capture import AsgiCapture, Capture, Settings

records = []
kit = Capture(Settings(share=1), records.extend)

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"a": 12}'})

async def nothing(*_):
    return {"type": "http.request"}

asyncio.run(AsgiCapture(app, kit)({"type": "http", "method": "GET", "path": "/a", "headers": []}, nothing, nothing))
kit.close()
print(json.dumps({
    "installed": sorted(one.name for one in importlib.metadata.distributions()),
    "body": json.loads(records[0])["response_body"],
    "monitor": sorted(name for name in sys.modules if name.partition(".")[0] == "monitor"),
}))
"""


@pytest.mark.slow
@pytest.mark.long
def test_an_application_installs_the_kit_and_a_kafka_client_and_nothing_of_the_monitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / hatchling.build.build_wheel(str(tmp_path))
    venv.create(tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "--disable-pip-version-check",
        "-q",
    ]
    subprocess.run([*pip, "install", f"{wheel}[capture]"], check=True, timeout=250)
    ran = subprocess.run(
        [python, "-I", "-c", APPLICATION], capture_output=True, text=True, check=True, timeout=250
    )
    assert (
        ran.stdout
        == '{"installed": ["kafka-python", "seamwatch"], "body": "{\\"a\\":0}", "monitor": []}\n'
    )
    answer = subprocess.run(
        [python.with_name("seamwatch"), "up"],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert answer.returncode == 70
    assert "pip install 'seamwatch[server]'" in answer.stderr
