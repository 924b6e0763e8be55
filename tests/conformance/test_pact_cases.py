"""The official cases of Pact 1 to 4 through our compiled matcher: every request, response and
message.
"""

import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from monitor.contracts.form import Interaction, Promise
from monitor.contracts.formats.pact import read_pact
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload
from tests.contracts.promises import exchange

CASES = {"v1": 76, "v1.1": 97, "v2": 178, "v3": 226, "v4": 226}


@cache
def suite(version: str) -> dict[str, Any]:
    """All cases of a version by path."""
    folder = os.environ.get("SEAMWATCH_CONFORMANCE_DATA", "")
    archive = Path(folder) / "pact-specification" / version / "testcases.tar.gz"
    if not folder or not archive.exists():
        pytest.skip(
            f"not run: SEAMWATCH_CONFORMANCE_DATA names no folder with pact-specification/{version}/testcases.tar.gz"
        )
    documents = {}
    with tarfile.open(archive) as held:
        for member in held:
            reader = held.extractfile(member) if member.name.endswith(".json") else None
            if reader is not None:
                documents[member.name.removeprefix("./testcases/").removeprefix("testcases/")] = (
                    json.loads(reader.read().decode("utf-8-sig"))
                )
    return documents


def promise(version: str, side: str, expected: dict[str, Any]) -> Promise:
    """A pact of one interaction whose one side is the case's."""
    parties = {"consumer": {"name": "a"}, "provider": {"name": "b"}}
    metadata = {"pactSpecification": {"version": f"{version.removeprefix('v')}.0"}}
    if side == "message":
        word = "interactions" if version == "v4" else "messages"
        entry = {"description": "it", **expected} | (
            {"type": "Asynchronous/Messages"} if version == "v4" else {}
        )
        return read_pact({**parties, word: [entry], "metadata": metadata}, where="case")
    entry = {
        "description": "it",
        "request": {"method": "GET", "path": "/"},
        "response": {},
        side: expected,
    }
    return read_pact({**parties, "interactions": [entry], "metadata": metadata}, where="case")


def body_of(held: dict[str, Any], word: str, version: str) -> tuple[bytes | None, str]:
    """A case's body as it would travel, and its content type."""
    body = held.get(word)
    media = next(
        (
            value
            for name, value in (held.get("headers") or {}).items()
            if name.lower() == "content-type"
        ),
        "",
    )
    media = media or str((held.get("metaData") or {}).get("contentType", ""))
    if version == "v4" and isinstance(body, dict):
        media, body = media or str(body.get("contentType", "")), body.get("content")
    if body in (None, ""):
        return None, media
    if isinstance(body, str) and "json" not in media:
        return body.encode(), media
    return orjson.dumps(body), media or "application/json"


def call(version: str, side: str, actual: dict[str, Any]) -> Call:
    """The case's actual side as a live exchange."""
    query = actual.get("query", "")
    if isinstance(query, dict):
        query = urlencode(query, doseq=True)
    body, media = body_of(actual, "contents" if side == "message" else "body", version)
    headers = {"x-any": "1"} | {
        name.lower(): ", ".join(value) if isinstance(value, list) else value
        for name, value in (actual.get("headers") or {}).items()
    }
    if body is None:
        headers["content-length"] = "0"
    if media:
        headers.setdefault("content-type", media)
    live = exchange(
        method=actual.get("method", "GET").upper(),
        path=quote(actual.get("path", "/"), safe="/%"),
        query=query,
        query_known=True,
        status=actual.get("status", 200),
        request_headers=headers,
        response_headers=headers,
        request_body=body,
        response_body=body,
    )
    return Call(live, Payload(body, headers), Payload(body, headers))


def judged(version: str, side: str, case: dict[str, Any]) -> Mismatches:
    """What our matcher says of a case."""
    held, seen, mismatches = (
        promise(version, side, case["expected"]),
        call(version, side, case["actual"]),
        Mismatches(),
    )
    if side == "message":
        for judge in held.messages[0].sides:
            judge(seen.request, mismatches)
        return mismatches
    interaction: Interaction = held.interactions[0]
    if (
        side == "request"
        and interaction.methods is not None
        and seen.exchange.method not in interaction.methods
    ):
        mismatches.leave("method", interaction.clause)
        return mismatches
    for part in interaction.request if side == "request" else interaction.response:
        part(seen, mismatches)
    return mismatches


def cases(version: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, case in suite(version).items():
        yield path, path.split("/")[0], case


@pytest.mark.parametrize("version", CASES)
def test_every_official_case_is_matched_as_the_specification_says(
    version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, counted = [], Counter[str]()
    for path, side, case in cases(version):
        mismatches = judged(version, side, case)
        fits = not mismatches and not mismatches.open
        counted[f"{side} right" if fits == case["match"] else f"{side} wrong"] += 1
        if fits != case["match"]:
            wrong.append(
                f"{path}: {case['comment']}: {[str(mismatch) for mismatch in mismatches.broken]} {mismatches.left}"
            )
    with capsys.disabled():
        print(
            f"\npact {version}: {counted.total() - len(wrong)} of {counted.total()} official cases right"
        )
    assert not wrong, "\n".join(wrong)
    assert counted.total() == CASES[version]
