"""`seamwatch contracts infer`: what a provider does live, as a contract that can be published."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import typer

from monitor.cli.contract_amend import hours_of
from monitor.cli.printing import plain
from monitor.errors import UsageError

_MOST_TOLD = 20
_SIGNS = re.compile(r"[^A-Za-z0-9._-]+")


class Asked(Protocol):
    """An API that can be asked."""

    def get(self, path: str, **params: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose contract, of which edge (`CALLER`, `CALLER METHOD /route`, `* METHOD /route`), since
    when, in which form.
    """

    provider: str
    edge: str
    environment: str | None
    since: str
    form: str
    sure: float


def infer(there: Asked, wanted: Wanted, output: Path | None) -> int:
    """Print the contract, or write it; 2 where nothing was seen that it could be made of. A form
    that makes several contracts wants a folder.
    """
    caller, _, operation = wanted.edge.partition(" ")
    answer = there.get(
        "/v1/recordings",
        service=wanted.provider,
        form=wanted.form,
        consumer=None if caller in ("", "*") else caller,
        operation=operation.strip(),
        environment=wanted.environment,
        hours=hours_of(wanted.since),
        sure=wanted.sure,
    )
    contracts: Sequence[Mapping[str, Any]] = answer["contracts"]
    _tell(answer)
    if not contracts:
        typer.echo(
            f"nothing was seen of {plain(wanted.provider)} since {answer['since']} that a contract can be made of",
            err=True,
        )
        return 2
    if len(contracts) == 1 and (output is None or not output.is_dir()):
        _written(contracts[0]["document"], output)
        return 0
    if output is None or (output.exists() and not output.is_dir()):
        raise UsageError(
            f"{len(contracts)} contracts are inferred; give -o a folder, or --edge one operation"
        )
    output.mkdir(parents=True, exist_ok=True)
    names = set[str]()
    for contract in contracts:
        name = _free(_SIGNS.sub("-", contract["name"]).strip("-.")[:120] or "contract", names)
        _written(contract["document"], output / f"{name}.json")
    typer.echo(f"{len(contracts)} contracts are in {output}", err=True)
    return 0


def _free(name: str, names: set[str]) -> str:
    free, count = name, 1
    while free.lower() in names:
        count += 1
        free = f"{name}-{count}"
    names.add(free.lower())
    return free


def _written(document: str, output: Path | None) -> None:
    if output is None:
        typer.echo(document)
        return
    try:
        output.write_text(f"{document}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error


def _tell(answer: Mapping[str, Any]) -> None:
    unseen = f", {answer['unseen']:,} more could not be looked at" if answer["unseen"] else ""
    typer.echo(
        f"{answer['looked_at'] - answer['unseen']:,} payloads were looked at{unseen}", err=True
    )
    for left in answer["left_out"][:_MOST_TOLD]:
        typer.echo(plain(f"left out: {left['operation']}: {left['text']}"), err=True)
    if len(answer["left_out"]) > _MOST_TOLD:
        typer.echo(f"and {len(answer['left_out']) - _MOST_TOLD} more are left out", err=True)
