"""Bodies that the CSV plugin of Pact reads: every row held against the one row of an example.

https://github.com/pact-foundation/pact-plugins/tree/main/plugins/csv
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from monitor.contracts.broken import Broken
from monitor.contracts.form import Left
from monitor.contracts.matching.content import Judge
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.rules import Ask, Rules, ask
from monitor.contracts.payloads import (
    EMPTY,
    TOO_LARGE,
    UNDECIDABLE,
    Payload,
    without_parameters,
)
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_MOST_ROWS, _MOST_COLUMNS = 5_000, 1_000
_COLUMN = re.compile(r"(?:\$\.?)?(?:\[['\"])?column:(.*?)(?:['\"]\])?")


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the example: what it shows, and what is asked of a cell ("" for one that is
    not there).
    """

    name: str
    ask: Ask
    rule: str
    clause: str


def csv_judge(
    text: str,
    rules: Mapping[str, Rules],
    *,
    headed: bool,
    strict: bool,
    clause: str,
    left: list[Left],
) -> Judge:
    """What an example asks of a body of CSV; `headed`: the first row names the columns. Raises
    ContractError for an example without a row. Rules of columns that it does not show go to
    `left`.
    """
    columns = _columns(text, rules, headed=headed, clause=clause)
    shown = {name for place, column in enumerate(columns, 1) for name in (column.name, str(place))}
    for path, held in rules.items():
        match = _COLUMN.fullmatch(path)
        if match is not None and match[1] not in shown:
            left.append(
                Left(held.clause, "the example shows no such column, and it is not judged")
            )
    typed = Broken("content_type", "", clause, "text/csv", "another content type")
    missing = Broken("missing_body", "", clause, "present", "absent")

    def judge(payload: Payload, mismatches: Mismatches) -> None:
        if payload.media and without_parameters(payload.media) != "text/csv":
            mismatches.add(typed)
            return
        raw, problem = payload.raw()
        rows = _rows(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))
        if problem == EMPTY:
            mismatches.add(missing)
        elif problem or rows is None:
            mismatches.leave(problem or UNDECIDABLE, clause)
        elif len(rows) < 1 + headed:
            mismatches.add(Broken("missing_item", "/*", clause, "a row", "none"))
        else:
            if len(rows) > _MOST_ROWS:
                mismatches.leave(TOO_LARGE, clause)
            if not headed and strict and len(rows[0]) > len(columns):
                surplus = Broken("unexpected_key", "/*", clause, f"{len(columns)} columns", "more")
                mismatches.add(surplus)
            places = _places(rows[0], columns, headed=headed, clause=clause, mismatches=mismatches)
            for row in rows[int(headed) :]:
                _hold(row, columns, places, mismatches)

    return judge


def _columns(
    text: str, rules: Mapping[str, Rules], *, headed: bool, clause: str
) -> Sequence[_Column]:
    rows = _rows(text)
    if rows is None or len(rows) < 1 + headed or len(rows[0]) > _MOST_COLUMNS:
        raise ContractError("its CSV holds no row, or too many columns")
    names = rows[0] if headed else [str(place + 1) for place in range(len(rows[0]))]
    shown = rows[int(headed)]
    by_column = {
        match[1]: held for path, held in rules.items() if (match := _COLUMN.fullmatch(path))
    }
    columns = []
    for place, name in enumerate(names):
        value = shown[place] if place < len(shown) else ""
        held = by_column.get(str(place + 1)) or by_column.get(name)
        columns.append(
            _Column(name, _same(value), "equality", clause)
            if held is None
            else _Column(name, ask(held, value, text=True), held.name, held.clause)
        )
    return columns


def _same(value: str) -> Ask:
    return lambda actual: actual == value


def _hold(
    row: Sequence[str], columns: Sequence[_Column], places: Sequence[int], mismatches: Mismatches
) -> None:
    for column, place in zip(columns, places, strict=True):
        if place < 0:  # told once, for all rows
            continue
        actual = row[place] if place < len(row) else ""
        fits = column.ask(actual)
        if fits is None:
            mismatches.leave(UNDECIDABLE, column.clause)
        elif not fits:
            pointer = f"/*/{escaped(column.name)}"
            mismatches.value(column.rule, pointer, column.clause, column.rule, actual)


def _places(
    first: Sequence[str],
    columns: Sequence[_Column],
    *,
    headed: bool,
    clause: str,
    mismatches: Mismatches,
) -> Sequence[int]:
    """Where each column of the example stands in a live body, -1 for one that is missing."""
    if headed:
        held = {name: place for place, name in enumerate(first)}
        places = [held.get(column.name, -1) for column in columns]
    else:
        places = [place if place < len(first) else -1 for place in range(len(columns))]
    for column, place in zip(columns, places, strict=True):
        if place < 0:
            pointer = f"/*/{escaped(column.name)}"
            mismatches.add(Broken("missing_key", pointer, clause, "present", "absent"))
    return places


def _rows(text: str) -> list[list[str]] | None:
    """The rows that are not empty, a little more than are looked at; None for what is no CSV."""
    try:
        unmarked = text.removeprefix("\ufeff")  # which spreadsheets write before it
        read = islice(csv.reader(io.StringIO(unmarked, newline="")), _MOST_ROWS + 2)
        return [row for row in read if row]
    except csv.Error:
        return None
