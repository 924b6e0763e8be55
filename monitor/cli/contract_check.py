"""`seamwatch contracts check`: a contract file against recorded traffic, without any store."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from monitor.cli.printing import Format, show, tell_what_is_judged
from monitor.config import Settings
from monitor.contracts.check import check_payloads
from monitor.contracts.form import Promise
from monitor.contracts.payloads import Payload
from monitor.contracts.read import Examined, examine
from monitor.contracts.registry import InForce
from monitor.decode.api_logs import decode_api_logs
from monitor.errors import ContractError, UsageError
from monitor.model.exchanges import Checked, Exchange
from monitor.model.operations import http_operation, template_path
from monitor.model.records import Reject
from monitor.streams.files import FileSource

VALID, VIOLATED, UNDECIDED = 0, 1, 2
UNREADABLE = "unreadable"
_FOREVER = 2**63 - 1


@dataclass(slots=True)
class Tally:
    """What the exchanges of one run came to."""

    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    observations: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        self.verdicts[row["verdict"]] += 1
        self.reasons.update(row["codes"])
        self.observations.update(seen["code"] for seen in row["observations"])
        self.rules.update(broken["rule"] for broken in row["violations"])
        if row["contract_names_it"]:
            self.operations.add(row["operation"])

    def coverage(self, promise: Promise) -> dict[str, Any]:
        """How much of the traffic and of the contract was held against each other."""
        return {
            "exchanges": self.verdicts.total(),
            **{verdict: self.verdicts[verdict] for verdict in ("valid", "violated", "not_checked")},
            "reasons": dict(self.reasons.most_common()),
            "rules": dict(self.rules.most_common()),
            "observations": dict(self.observations.most_common()),
            "operations_offered": len(promise.operations),
            "operations_seen": len(self.operations),
        }

    def exit(self) -> int:
        """0 when all is valid, 1 when a clause is broken, 2 when nothing or only a part could be checked."""
        if self.verdicts["violated"]:
            return VIOLATED
        return UNDECIDED if self.verdicts["not_checked"] or not self.verdicts["valid"] else VALID


def held_against(traffic: Path, contract: Path, traffic_format: str, settings: Settings, form: Format) -> int:
    """Print a verdict for each entry of the traffic, in the file's order, and what they came to; returns the exit code."""
    held, examined = _read(contract, lenient_nullable=settings.contracts.lenient_nullable)
    tally, rows = Tally(), []
    for index, (entry, checked) in enumerate(_judged(traffic, traffic_format, settings.topics.api_logs_mapping, held)):
        row = {"index": index, **_row(entry, checked)}
        tally.add(row)
        rows.append({name: value for name, value in row.items() if name not in ("contract_names_it", "codes")})
    _print(rows, tally.coverage(examined.promise), examined.told(), form)
    return tally.exit()


def _read(path: Path, *, lenient_nullable: bool) -> tuple[InForce, Examined]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the contract {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the contract {path} is not UTF-8 text") from error
    try:
        examined = examine("", text, where=f"contract {path.name}", lenient_nullable=lenient_nullable)
    except ContractError as error:
        raise UsageError(str(error)) from error
    return InForce(path.stem, 1, examined.promise, 0, _FOREVER), examined


def _judged(
    traffic: Path, form: str, mapping: Mapping[str, str], held: InForce
) -> Iterator[tuple[Exchange | Reject, Checked | None]]:
    """Every entry in the file's order; what cannot be read is one too."""
    if not traffic.is_file():
        raise UsageError(f"no such file: {traffic}")
    for records in FileSource([traffic]).poll():
        exchanges, rejects = decode_api_logs(records, form, mapping)
        entries: list[Exchange | Reject] = [*exchanges, *rejects]
        entries.sort(key=lambda entry: entry.offset)
        for entry in entries:
            if isinstance(entry, Exchange):
                yield entry, _checked(entry, held)
            else:
                yield from [(entry, None)] * entry.count


def _checked(exchange: Exchange, held: InForce) -> Checked:
    request = Payload(exchange.request_body, exchange.request_headers, truncated=exchange.request_truncated)
    response = Payload(exchange.response_body, exchange.response_headers, truncated=exchange.response_truncated)

    def operation() -> str:
        return http_operation(exchange.method, exchange.route or template_path(exchange.path))

    return check_payloads(exchange, request, response, [held], operation)


def _row(entry: Exchange | Reject, checked: Checked | None) -> dict[str, Any]:
    if checked is None or isinstance(entry, Reject):
        reason = entry.reason if isinstance(entry, Reject) else UNREADABLE
        return {
            "verdict": "not_checked",
            "operation": "",
            "status": 0,
            "reasons": [f"{UNREADABLE}: {reason}"],
            "codes": [f"{UNREADABLE}: {reason}"],
            "observations": [],
            "violations": [],
            "contract_names_it": False,
        }
    return {
        "verdict": checked.outcome,
        "operation": checked.operation,
        "status": entry.status,
        "reasons": _reasons(checked),
        "codes": sorted({left.code for left in checked.unchecked} or {checked.reason} - {""}),
        "observations": [{"code": seen.code, "side": seen.side, "clause": seen.clause} for seen in checked.observations],
        "violations": [
            {name: getattr(broken, name) for name in ("side", "rule", "pointer", "clause", "expected", "actual", "fingerprint")}
            for broken in checked.violations
        ],
        "contract_names_it": not any(broken.rule.startswith("undocumented_op") for broken in checked.violations)
        and bool(checked.contract),
    }


def _reasons(checked: Checked) -> list[str]:
    """Every reason with the clause that it left open."""
    said = [f"{left.code} {left.side} {left.clause}".rstrip() for left in checked.unchecked]
    return said or ([checked.reason] if checked.reason else [])


def _print(rows: list[dict[str, Any]], coverage: dict[str, Any], contract: dict[str, Any], form: Format) -> None:
    if form == "json":
        json.dump({"exchanges": rows, "coverage": coverage, "contract": contract}, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    lines: list[dict[str, Any]] = []
    for row in rows:
        shared = {name: row[name] for name in ("index", "verdict", "operation", "status")}
        shared["reasons"] = ", ".join(row["reasons"])
        lines.extend({**shared, **broken} for broken in row["violations"] or [{}])
    columns = "index verdict operation status side rule pointer clause expected actual reasons".split()
    show(lines, columns, form, empty="the file holds no exchange")
    if form == "table":
        typer.echo()
        show([{"name": name, "value": value} for name, value in coverage.items()], ["name", "value"], form)
        typer.echo()
        tell_what_is_judged(contract)
