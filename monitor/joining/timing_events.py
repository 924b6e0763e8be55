"""Times that are broken, as violations: one row for each clause, edge, version of the callee and
hour, so that whoever watches those sees them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from monitor.contracts.verdicts import fingerprint
from monitor.control import contracts as registry
from monitor.edges.aliases import Aliases
from monitor.joining.tables import row_number, violations_of
from monitor.joining.timing import Timed, TimingVerdict, in_force, judge_timing, timed_contracts
from monitor.model.services import split_service
from monitor.model.timing import TimingReason
from monitor.store import Store
from monitor.store.reader import Reader

SOURCE = "timing"
"""What stands for a source of records in these rows."""
EVERY = timedelta(seconds=60)
_HOUR = 3600


class TimingWatch:
    """Holds times against the hour of the newest sealed window, again at most once a minute. What
    it keeps only saves work.
    """

    def __init__(self, reader: Reader, engine: Engine, store: Store, aliases: Aliases) -> None:
        self._reader, self._engine, self._store, self._aliases = reader, engine, store, aliases
        self._stamp: tuple[registry.Stamp, list[tuple[str, int]]] | None = None
        self._timed: list[Timed] = []
        self._until: datetime | None = None
        self.sealed: datetime | None = None
        """The newest sealed window that was looked at."""
        self.reasons: dict[tuple[str, str], TimingReason] = {}
        """The numbers of what is broken in the hours that were looked at last, by environment and
        fingerprint, the worst edge's.
        """

    def step(self) -> int:
        """How many times are broken in that hour; their rows are written under keys of their own,
        so that again changes nothing.
        """
        sealed = self.sealed = self._reader.last_sealed()
        if sealed is None or (self._until is not None and sealed - self._until < EVERY):
            return 0
        self._until = sealed
        contracts = self._contracts(sealed)
        if not contracts:
            return 0
        # an hour that has just begun tells little: the one before is told to its end first
        begun = sealed.replace(minute=0, second=0, microsecond=0)
        broken = 0
        self.reasons = {}
        for hour in sorted({begun, (sealed - EVERY).replace(minute=0, second=0, microsecond=0)}):
            verdicts = self._broken(contracts, hour)
            for verdict in sorted(verdicts, key=lambda verdict: verdict.share_low):
                self.reasons[verdict.environment, _fingerprint(verdict)] = verdict.reason
            if verdicts:
                rows = _rows(verdicts, hour, min(sealed, hour + timedelta(hours=1)))
                self._store.insert("violations", violations_of(SOURCE, rows))
            broken = max(broken, len(verdicts))
        return broken

    def _contracts(self, at: datetime) -> list[Timed]:
        held = [(revision.name, revision.number) for revision in in_force(self._engine, at)]
        stamp = (registry.stamp(self._engine), held)
        if stamp != self._stamp:
            self._timed = timed_contracts(self._engine, self._aliases, at=at)
            self._stamp = stamp
        return self._timed

    def _broken(self, contracts: Sequence[Timed], hour: datetime) -> list[TimingVerdict]:
        """Only windows in which a revision was in force are held against it."""
        together: dict[tuple[str, datetime, datetime], list[Timed]] = {}
        for contract in contracts:
            revision = contract.revision
            since, until = max(hour, revision.effective_from), hour + timedelta(hours=1)
            until = until if revision.effective_to is None else min(until, revision.effective_to)
            if since < until:
                together.setdefault((revision.provider, since, until), []).append(contract)
        broken: list[TimingVerdict] = []
        for (provider, since, until), alike in together.items():
            names = sorted({provider, split_service(provider)[0]})
            verdicts = judge_timing(alike, self._reader.tails(names, since, until))
            broken += [verdict for verdict in verdicts if verdict.word == "broken"]
        return broken


def _rows(
    verdicts: Sequence[TimingVerdict], hour: datetime, at: datetime
) -> list[dict[str, object]]:
    start = int(hour.timestamp())
    return [
        {
            "window": start,
            "offset": start // _HOUR,
            "index": _number(verdict),
            "fingerprint": _fingerprint(verdict),
            "contract": verdict.contract,
            "revision": verdict.revision,
            "operation": verdict.operation,
            "side": "response",
            "rule": _rule(verdict),
            "clause": verdict.clause,
            "expected": f"at most {verdict.limit_seconds:g} s",
            "actual": _seen(verdict),
            "environment": verdict.environment,
            "caller": verdict.caller,
            "callee": verdict.callee,
            "callee_version": verdict.version,
            "at": at.astimezone(UTC),
        }
        for verdict in verdicts
    ]


def _rule(verdict: TimingVerdict) -> str:
    return "timeout" if verdict.quantile is None else f"p{100 * verdict.quantile:g}"


def _fingerprint(verdict: TimingVerdict) -> str:
    return fingerprint(verdict.contract, verdict.operation, "response", _rule(verdict), "")


def _seen(verdict: TimingVerdict) -> str:
    """The quantile that surely exceeds the limit, and what it is at least: `p99.5 = 2.1 s`."""
    values = verdict.reason.parameters
    return (
        f"{values['quantile']} = {float(values['seconds']):.3g} s"
        if "quantile" in values
        else "slower"
    )


def _number(verdict: TimingVerdict) -> int:
    return row_number(
        verdict.contract,
        verdict.clause,
        verdict.environment,
        verdict.caller,
        verdict.callee,
        verdict.operation,
        verdict.version,
    )
