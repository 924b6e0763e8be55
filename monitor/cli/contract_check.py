"""`seamwatch contracts check`: contract files against recorded traffic, offline, by the code that
checks live traffic; no store, no Kafka.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monitor.cli.contract_documents import Bound, documents_of
from monitor.cli.contract_reports import ReportFormat, reporter
from monitor.cli.contract_tally import UNREADABLE, Tally, whole
from monitor.cli.long_work import calm_collector
from monitor.cli.progress import reading_bar
from monitor.cli.recordings import recordings
from monitor.cli.schemas import known_writers
from monitor.config import Settings
from monitor.contracts.carried import Carried
from monitor.contracts.check import check_payloads, nobody_known
from monitor.contracts.framing import SchemaKey, Writer, Writers
from monitor.contracts.interactions import NO_INTERACTION
from monitor.contracts.joined import UNDOCUMENTED
from monitor.contracts.messages import NO_MESSAGE
from monitor.contracts.payloads import Payload
from monitor.contracts.verdicts import NO_CONTRACT
from monitor.decode.api_logs import Names, Refused, explain_api_logs
from monitor.decode.topic_records import Parties, read_messages
from monitor.joining.operations import operation_of
from monitor.model.exchanges import MESSAGING, Checked, Exchange, Violation
from monitor.model.operations import template_path
from monitor.model.printable import printable
from monitor.model.records import Place
from monitor.streams.files import FileSource

MESSAGES = "messages"
"""The source of traffic that is Kafka records."""


def held_against(
    traffic: Sequence[Path],
    contracts: Sequence[str],
    source: str,
    settings: Settings,
    form: ReportFormat,
) -> int:
    """Print what the traffic came to, entry by entry in the files' order; returns the exit code.

    `contracts` are paths, those for one service alone as `PROVIDER=PATH`.

    Memory hangs on the contracts and on one batch of records, never on the length of the traffic.
    """
    with recordings(traffic) as files:
        return _held(files, contracts, source, settings, form)


def _held(
    traffic: Sequence[Path],
    contracts: Sequence[str],
    source: str,
    settings: Settings,
    form: ReportFormat,
) -> int:
    documents = documents_of(contracts, lenient_nullable=settings.contracts.lenient_nullable)
    in_force = Bound(documents)
    schemas = known_writers(settings.contracts)
    published = {
        key: writer
        for document in documents
        for key, writer in document.examined.promise.writers.items()
    }

    def writers(key: SchemaKey) -> Writer | str:
        return published.get(key) or schemas(key)

    services = {document.name: document.provider for document in documents}
    tally, report = (
        Tally(dict.fromkeys((path.name for path in traffic), 0), services),
        reporter(form),
    )
    rows_of = _Rows(in_force, writers)
    calm_collector()
    for index, (file, offset, form_told, entry) in enumerate(
        _entries(traffic, source, settings, tally)
    ):
        place = {"index": index, "file": file, "record": offset, "source": form_told}
        row = {**place, **rows_of.row(entry)}
        tally.add(row)
        report.row(row)
    report.end(whole(documents, tally))
    return tally.exit()


def _entries(
    traffic: Sequence[Path], source: str, settings: Settings, tally: Tally
) -> Iterator[tuple[str, int, str, Exchange | Refused]]:
    """Every entry in the files' order, with its file, its record and its source; what cannot be
    read is one too.
    """
    topics = settings.topics
    names = Names(topics.api_logs_caller, topics.api_logs_callee, topics.api_logs_environment)
    if source == MESSAGES:
        yield from _messages(traffic, settings)
        return
    with reading_bar("checking") as bar:
        coming = FileSource(traffic, progress=bar.read).poll()
        for topic, offset, form, entry in explain_api_logs(
            coming, source, topics.api_logs_mapping, names
        ):
            if isinstance(entry, Exchange | Refused):
                yield topic, offset, form, entry
            else:
                tally.passed += 1


def _messages(
    traffic: Sequence[Path], settings: Settings
) -> Iterator[tuple[str, int, str, Exchange | Refused]]:
    """Every record of files of messages, in the files' order."""
    topics = settings.topics
    parties = Parties(
        topics.messages_producers, topics.messages_consumers, topics.messages_environment
    )
    with reading_bar("checking") as bar:
        for records in FileSource(traffic, "json", "lines", progress=bar.read).poll():
            reading = read_messages(records, parties, recorded=True)
            entries: dict[Place, Exchange | Refused] = {
                reject.place: Refused(reject.reason) for reject in reading.rejects
            }
            entries |= {
                (exchange.source_id, exchange.partition, exchange.offset): exchange
                for exchange in reading.exchanges
            }
            for at, place in enumerate(records.places()):
                if place in entries:
                    yield (
                        records.partitions[at].topic,
                        records.offsets[at],
                        MESSAGES,
                        entries[place],
                    )


_MOST_ALIKE = 10_000


class _Rows:
    """What is told of each entry. Most exchanges keep everything and show nothing else: what is
    told of those is made once for an operation and status.
    """

    def __init__(self, held: Bound, writers: Writers) -> None:
        self._held, self._writers = held, writers
        self._alike: dict[tuple[int, int], tuple[Checked, dict[str, Any]]] = {}

    def row(self, entry: Exchange | Refused) -> dict[str, Any]:
        """The row without its place. It must not be changed."""
        if isinstance(entry, Refused):
            return _refused(entry)
        checked = _checked(entry, self._held, self._writers)
        if checked.outcome != "valid" or checked.unchecked or checked.observations:
            return _row(entry, checked)
        # the verdict is held, so that no other one gets its id
        key = (id(checked), entry.status)
        checked_row = self._alike.get(key)
        if checked_row is None:
            if len(self._alike) >= _MOST_ALIKE:
                self._alike.clear()
            checked_row = self._alike[key] = (checked, _row(entry, checked))
        return checked_row[1]


def _refused(entry: Refused) -> dict[str, Any]:
    reason = f"{UNREADABLE}: {entry}"
    return {
        "operation": "",
        "status": 0,
        "verdict": "not_checked",
        "reason": reason,
        "reasons": [reason],
        "observations": [],
        "violations": [],
        "codes": [reason],
        "contract": "",
        "contract_names_it": False,
        "shown": [],
    }


def _row(entry: Exchange, checked: Checked) -> dict[str, Any]:
    reasons = _reasons(checked)
    return {
        "operation": printable(checked.operation, "\N{REPLACEMENT CHARACTER}"),
        "status": entry.status,
        "verdict": checked.outcome,
        "reason": checked.reason or next((left.code for left in checked.unchecked), ""),
        "reasons": reasons,
        "observations": [
            {"code": seen.code, "side": seen.side, "clause": seen.clause}
            for seen in checked.observations
        ],
        "violations": [_broken(violation) for violation in checked.violations],
        "codes": sorted({left.code for left in checked.unchecked} or {checked.reason} - {""}),
        "contract": checked.contract,
        "contract_names_it": not any(broken.rule in UNDOCUMENTED for broken in checked.violations)
        and bool(checked.contract)
        and checked.reason
        not in ("not_offered", "preflight", "contract_unreadable", NO_INTERACTION, NO_MESSAGE),
        "shown": [
            ((proof.contract, proof.interaction), proof.shown) for proof in checked.evidence
        ],
    }


def _broken(violation: Violation) -> dict[str, Any]:
    fields = {
        name: getattr(violation, name)
        for name in ("operation", "side", "rule", "pointer", "expected", "clause", "fingerprint")
    }
    return {**fields, "actual_kind": violation.actual, "contract": violation.contract}


def _checked(exchange: Exchange, held: Bound, writers: Writers) -> Checked:
    checked = _by(exchange, held, writers)
    if checked.reason == NO_CONTRACT and held.by_name:
        return nobody_known(exchange, exchange.callee, checked)
    return checked


def _by(exchange: Exchange, held: Bound, writers: Writers) -> Checked:
    if exchange.protocol == MESSAGING:
        record = Carried(
            exchange.path,
            exchange.request_body,
            exchange.request_headers,
            truncated=exchange.request_truncated,
            writers=writers,
        )
        return check_payloads(
            exchange,
            record,
            Payload(None, {}),
            held.of_record(exchange),
            lambda: exchange.path,
        )
    request = Payload(
        exchange.request_body, exchange.request_headers, truncated=exchange.request_truncated
    )
    response = Payload(
        exchange.response_body, exchange.response_headers, truncated=exchange.response_truncated
    )

    def operation() -> str:
        return operation_of(exchange, request, exchange.route or template_path(exchange.path))

    return check_payloads(exchange, request, response, held.of_call(exchange), operation)


def _reasons(checked: Checked) -> list[str]:
    """Every reason with the clause that it left open."""
    reasons = [f"{left.code} {left.side} {left.clause}".rstrip() for left in checked.unchecked]
    return reasons or ([checked.reason] if checked.reason else [])
