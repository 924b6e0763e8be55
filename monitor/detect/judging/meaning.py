"""Findings of meaning: which values a new version sends under the same schema mean something else."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from monitor.detect.evidence.meaning import meaning_changes
from monitor.detect.evidence.signal_tests import finite_exp
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.clauses import plain_operation
from monitor.detect.judging.suspects import ranked
from monitor.detect.measure.columns import digest
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding, MeaningEvidence
from monitor.model.meaning import MeaningChange, Meant, MeantKind
from monitor.model.reasons import Reason, reason

MOST = 10
"""So many findings of meaning of one deploy, the surest; `seamwatch meaning` tells all."""


@lru_cache(maxsize=128)
def changes_of(meant: Meant, alpha: float) -> tuple[tuple[MeantKind, MeaningChange], ...]:
    """What means something else, the surest first; all that the service sends is one family at
    `alpha`. What was asked of the same sketches before is answered from memory.
    """
    by_role = {role: [kind for kind in meant.kinds if kind.role == role] for role in meant.roles}
    pairs: list[tuple[MeantKind, MeaningChange]] = []
    for kinds in by_role.values():
        by_place = {kind.place: kind for kind in kinds}
        changes = meaning_changes(
            {place: kind.old for place, kind in by_place.items()},
            {place: kind.new for place, kind in by_place.items()},
            alpha / len(by_role),
        )
        for change in changes:
            where = change.place
            kind = next(
                kind
                for place, kind in by_place.items()
                if (place.operation, place.status, place.side)
                == (where.operation, where.status, where.side)
            )
            pairs.append((kind, change))
    return tuple(sorted(pairs, key=lambda pair: -pair[1].log_e))


def meaning_findings(
    deploy: Deploy,
    meant: Meant | None,
    edges: Sequence[EdgeTests],
    others: Sequence[Deploy],
    settings: JudgeSettings,
) -> list[Finding]:
    """A finding for each place whose values mean something else in what the deployed version
    sends: of all who get it, on the edge of the first by name.

    Versions that were never live at once can only be compared before and after: then a release of
    whom the service calls at about that time explains as much.
    """
    if meant is None or (meant.old, meant.new) == ("", ""):
        return []
    released = _released(deploy, edges, others, settings)
    return [
        _finding(deploy, meant, kind, change, edges, released)
        for kind, change in changes_of(meant, settings.alpha)[:MOST]
    ]


def _released(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    others: Sequence[Deploy],
    settings: JudgeSettings,
) -> Reason | None:
    """A release of whom the service calls, at about the same time."""
    called = {edge.table.edge.callee for edge in edges if edge.role == "caller"}
    for other in sorted(others, key=lambda it: it.id):
        near = abs((other.started - deploy.started).total_seconds()) <= settings.concurrent_seconds
        if near and other.service in called and other.service != deploy.service:
            return reason("callee_released", service=other.service, version=other.version)
    return None


def _finding(
    deploy: Deploy,
    meant: Meant,
    kind: MeantKind,
    change: MeaningChange,
    edges: Sequence[EdgeTests],
    released: Reason | None,
) -> Finding:
    tests = next(_tests_of(kind, edges), None)
    edge = tests.table.edge if tests else _edge_of(deploy, kind)
    beside = kind.at_once and (tests is None or tests.contrast.overlap)
    explained = None if beside else released
    evidence = Evidence(
        windows=len({sketch.stratum for sketch in kind.new}),
        new_calls=change.new_values,
        new_bad=round(change.new_share * change.new_values),
        old_calls=change.old_values,
        old_bad=round(change.old_share * change.old_values),
        effect=change.factor if change.factor != 1.0 else None,
        effect_low=None,
        effect_high=None,
        e_value=finite_exp(change.log_e),
        first_window=kind.first,
        last_window=kind.last,
        meaning=MeaningEvidence(change, tuple(kind.partners)),
    )
    own_role = kind.role == "callee"
    return Finding(
        id=_id(deploy, kind, change),
        deploy_id=deploy.id,
        edge=edge,
        signal="meaning",
        clause=clause_of(change),
        caller_version="" if own_role else deploy.version,
        callee_version=deploy.version if own_role else "",
        against_version=meant.old,
        role="root",
        strength="concurrent" if beside else "weaker",
        evidence=evidence,
        suspects=ranked(deploy, change.log_e if beside else min(change.log_e, 3.0), ()),
        first_seen=kind.first,
        last_seen=kind.last,
        explained=explained,
    )


def _id(deploy: Deploy, kind: MeantKind, change: MeaningChange) -> str:
    """Stable over re-judging: who gets such payloads is not part of it."""
    return digest([deploy.service, kind.role, "meaning", clause_of(change), deploy.id])[:20]


def clause_of(change: MeaningChange) -> str:
    """`GET /orders · 200 · response · /total`: where it is that values mean something else."""
    place = change.place
    parts = (place.operation, str(place.status or ""), place.side, place.pointer or "/")
    return " · ".join(part for part in parts if part)


def _tests_of(kind: MeantKind, edges: Sequence[EdgeTests]) -> Iterator[EdgeTests]:
    """The edges that such payloads go over, of whoever is first by name."""
    operation = plain_operation(kind.place.operation)
    for partner in kind.partners:
        between = [
            tests
            for tests in edges
            if tests.role == kind.role and _other(tests.table.edge, kind.role) == partner
        ]
        yield from (
            tests for tests in between if plain_operation(tests.table.edge.operation) == operation
        )


def _other(edge: Edge, role: str) -> str:
    return edge.caller if role == "callee" else edge.callee


def _edge_of(deploy: Deploy, kind: MeantKind) -> Edge:
    """The edge as the payloads tell it, where no window has one of this name."""
    partner = kind.partners[0] if kind.partners else ""
    own_role = kind.role == "callee"
    return Edge(
        environment=deploy.environment,
        caller_namespace="" if own_role else deploy.namespace or "",
        caller=partner if own_role else deploy.service,
        callee_namespace=(deploy.namespace or "") if own_role else "",
        callee=deploy.service if own_role else partner,
        protocol=kind.protocol,
        operation=kind.place.operation,
    )
