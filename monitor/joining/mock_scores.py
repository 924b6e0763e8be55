"""Published mocks beside what was live: their score, and their document brought up to date."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import yaml

from monitor.contracts.mapped import unkeyed
from monitor.contracts.placeholders import Formats, formats_of
from monitor.contracts.read import document_of, read_contract
from monitor.contracts.refreshing import Lived, Refreshed, refreshed
from monitor.contracts.skeleton import Node, merged
from monitor.contracts.stubs import FORMATS, Stub, stubs_of
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.fidelity import fidelity
from monitor.joining.publishing import provider_of
from monitor.joining.registry import canonical
from monitor.joining.stubs_met import maps_by_stub
from monitor.model.contracts import Revision
from monitor.model.mocks import Fidelity, MockFinding
from monitor.store.reader import Reader

Rows = Sequence[Mapping[str, Any]]
Bodies = dict[tuple[str, int], Any]
"""Bodies by stub and status."""


@dataclass(frozen=True, slots=True)
class Mocked:
    """A mock's document with its stubs."""

    kind: str
    document: Mapping[str, Any]
    stubs: Sequence[Stub]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A mock's document as it should be, what is another in it, and the findings that it does not
    answer.
    """

    document: str
    changes: Sequence[Refreshed]
    left: Sequence[MockFinding]


def mocked(kind: str, text: str, where: str) -> Mocked:
    """ContractError for what cannot be read, or has no stubs."""
    if kind not in FORMATS:
        raise ContractError(
            f"{where}: {kind} shows no stubs; mocks are {', '.join(sorted(FORMATS))}"
        )
    document = document_of(text, where=where)
    return Mocked(kind, document, stubs_of(kind, document, read_contract(kind, text, where=where)))


def mock_of(revision: Revision) -> Mocked:
    """The stubs of a revision; ContractError as above."""
    return mocked(revision.format, revision.document, f"contract {revision.name}")


def rows_of(
    reader: Reader, revision: Revision, since: datetime, until: datetime, environment: str = ""
) -> Rows:
    """What was seen of a published mock while this revision was in force."""
    return reader.mocks_met(
        revision.name,
        revision.number,
        since,
        until + timedelta(minutes=5),
        environment or revision.environment,
    )


def refreshed_mock(
    reader: Reader, aliases: Aliases, revision: Revision, since: datetime, until: datetime
) -> Fresh:
    """A published mock brought up to date, by shapes: placeholders stand where it showed nothing."""
    mock = mock_of(revision)
    rows = rows_of(reader, revision, since, until)
    marks: dict[tuple[str, int], Counter[str]] = {}
    for row in reader.shape_marks(provider_of(canonical(revision, aliases)), since, until):
        if row["side"] == "response":
            marks.setdefault((row["operation"], row["status"]), Counter()).update(row["marks"])
    return fresh(mock, rows, {key: formats_of(counts) for key, counts in marks.items()})


def fresh(
    mock: Mocked,
    rows: Rows,
    formats: Mapping[tuple[str, int], Formats],
    samples: Bodies | None = None,
) -> Fresh:
    """`formats` by operation and status; `samples` are bodies that somebody opted to use."""
    verdict = fidelity(mock.stubs, rows)
    maps = maps_by_stub(mock.stubs, rows)
    lived = {
        stub.name: _lived(stub, verdict, rows, formats, samples or {}, maps[stub.name])
        for stub in mock.stubs
    }
    document, changes = refreshed(
        mock.kind,
        mock.document,
        mock.stubs,
        {name: live for name, live in lived.items() if live is not None},
    )
    done = {(change.stub, change.what) for change in changes}
    left = [finding for finding in verdict.findings if not _answered(finding, done)]
    return Fresh(_written(mock.kind, document), changes, left)


_ANSWERS = {
    "stale": "body",
    "type_drift": "body",
    "outside_matchers": "body",
    "status_never_live": "status",
    "latency_drift": "delay",
}


def _answered(finding: MockFinding, done: set[tuple[str, str]]) -> bool:
    return (finding.stub, _ANSWERS.get(finding.code, "")) in done


def _lived(
    stub: Stub,
    verdict: Fidelity,
    rows: Iterable[Mapping[str, Any]],
    formats: Mapping[tuple[str, int], Formats],
    samples: Bodies,
    maps: frozenset[str],
) -> Lived | None:
    """What is live of a stub; None where nothing was seen."""
    own = [row for row in rows if row["interaction"] == stub.name and row["met"] != "perhaps"]
    codes = {
        finding.code
        for finding in verdict.findings
        if finding.stub == stub.name and not finding.gap
    }
    statuses = Counter[tuple[str, int]]()
    for row in own:
        if row["word"] == "call":
            statuses[(row["operation"], row["status"])] += row["exchanges"]
    if not statuses:
        return None
    ((operation, status), _), *_ = statuses.most_common(1)
    status = status if "status_never_live" in codes else stub.status
    node: Node | None = None
    for row in own:
        if row["word"] == "shape" and row["status"] == status and row["text"]:
            node = merged(node or {}, orjson.loads(row["text"]))
    score = next(score for score in verdict.stubs if score.stub == stub.name)
    return Lived(
        status,
        None if node is None else unkeyed(node, maps),
        score.live_p50_ms if "latency_drift" in codes else None,
        formats.get((operation, status), {}),
        samples.get((stub.name, status)),
    )


def _written(kind: str, document: Mapping[str, Any]) -> str:
    if kind == "spring-cloud-contract":
        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
