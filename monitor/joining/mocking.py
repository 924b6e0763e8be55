"""What live exchanges show of the stubs of mocks, as rows: which stub was asked for, how the real
provider answered, how long it took, and the skeleton of the body; never a value.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from monitor.contracts.form import Promise
from monitor.contracts.matching.call import Call
from monitor.contracts.mocking import Meeting, Mock
from monitor.contracts.outlines import Outlines
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import InForce, Registry
from monitor.contracts.shape import number_of
from monitor.joining.exchange_columns import Named
from monitor.joining.skeletons import (
    MOST_BYTES,
    MOST_KINDS,
    MOST_SHAPES,
    UNSEEN,
    day_of,
    keep_texts,
    lot,
)
from monitor.joining.tables import WORDS, table_of
from monitor.model.exchanges import MESSAGING, Exchange
from monitor.model.quantiles import bucket_of
from monitor.store import Store

ENOUGH, ONE_IN = 400, 16
"""So many exchanges of an operation, a status and a version pair are held against a mock; then one
in so many, which stands for as many. What is seldom is so told exactly.
"""
NO_TIME = -1_000
SEPARATOR = "\x1f"


class Mocker:
    """Lives between batches: it remembers how much it saw, so that a flood costs little."""

    def __init__(self) -> None:
        self._mocks: dict[int, tuple[Promise, Mock]] = {}
        self._looked: Counter[tuple[Any, ...]] = Counter()
        self._shapes: dict[tuple[Any, ...], set[int]] = {}
        self.told: set[tuple[int, int]] = set()
        """Days and skeletons: their texts are told each day."""
        self.outlines = Outlines()

    def batch(self) -> "Meetings":
        """The rows of a batch in the making."""
        if max(len(self._looked), len(self.told), len(self._mocks)) > MOST_KINDS:
            self._mocks, self.told = {}, set()
            self._looked, self._shapes = Counter(), {}
        return Meetings(self)

    def mock(self, promise: Promise) -> Mock:
        """The stubs of a promise, made once."""
        held = self._mocks.get(id(promise))
        if held is None:
            held = self._mocks[id(promise)] = (promise, Mock(promise))
        return held[1]

    def stands_for(self, kind: tuple[Any, ...], exchange: Exchange) -> int:
        """For how many exchanges of a kind this one stands; 0: it is not looked at."""
        self._looked[kind] += 1
        if self._looked[kind] <= ENOUGH:
            return 1
        return 0 if lot(exchange) % ONE_IN else ONE_IN

    def keeps(self, kind: tuple[Any, ...], number: int) -> bool:
        """Whether a skeleton is kept: of each kind so many."""
        shapes = self._shapes.setdefault(kind, set())
        if number not in shapes and len(shapes) >= MOST_SHAPES:
            return False
        shapes.add(number)
        return True


class Meetings:
    """Rows of one batch."""

    def __init__(self, mocker: Mocker) -> None:
        self._mocker = mocker
        self._rows: list[tuple[Any, ...]] = []
        self._texts: dict[int, str] = {}

    def add(
        self,
        exchange: Exchange,
        names: Named,
        operation: str,
        payloads: tuple[Payload, Payload],
        registry: Registry,
    ) -> None:
        """Hold an exchange against the mocks of its provider."""
        mocks = registry.mocks
        if mocks is None or exchange.protocol == MESSAGING:
            return
        held = mocks.find(
            names.callee,
            names.environment,
            names.callee_version,
            names.caller,
            exchange.end_ns,
            exchange.callee_namespace,
        )
        for contract in held:
            if contract.promise is None or not contract.promise.interactions:
                continue
            kind = (
                *(contract.name, contract.number, operation, exchange.status),
                *(names.environment, names.caller, names.caller_version, names.callee_version),
            )
            stands_for = self._mocker.stands_for(kind, exchange)
            if stands_for:
                self.meet(exchange, names, operation, payloads, contract, stands_for)

    def meet(
        self,
        exchange: Exchange,
        names: Named,
        operation: str,
        payloads: tuple[Payload, Payload],
        contract: InForce,
        stands_for: int = 1,
    ) -> Meeting | None:
        """Hold an exchange against one mock. None where nobody answered."""
        assert contract.promise is not None
        # of GraphQL the question stands behind the path
        route = operation.partition(" ")[2].partition(" ")[0] or exchange.route or exchange.path
        meeting = self._mocker.mock(contract.promise).meeting(Call(exchange, *payloads), route)
        if meeting is None:
            return None
        rows = [("call", _bucket(exchange.duration_ns), UNSEEN, "")]
        rows += [("broken", NO_TIME, UNSEEN, _detail(broken)) for broken in meeting.broken]
        if meeting.interaction:
            rows += self._shape(exchange, names, meeting, payloads[1], contract)
        for word, bucket, shape, detail in rows:
            self._rows.append(
                (
                    *(exchange.source_id, exchange.partition, exchange.offset, exchange.index),
                    exchange.end_ns // 1_000_000_000,
                    *(contract.name, contract.number),
                    *(meeting.interaction, meeting.met, meeting.shown, word),
                    *(names.environment, names.caller, names.caller_version),
                    *(names.callee, names.callee_version, operation, exchange.status),
                    *(bucket, stands_for, shape, detail),
                )
            )
        return meeting

    def _shape(
        self,
        exchange: Exchange,
        names: Named,
        meeting: Meeting,
        response: Payload,
        contract: InForce,
    ) -> list[tuple[str, int, int, str]]:
        """The body's skeleton."""
        body = exchange.response_body
        number = UNSEEN
        if body is not None and len(body) <= MOST_BYTES and not response.problem:
            kind = (
                *(contract.name, meeting.interaction, exchange.status, names.environment),
                names.callee_version,
            )
            text = self._mocker.outlines.of(response.value, masked=exchange.redacted).text
            number_here = number_of(text)
            if (day_of(exchange), number_here) not in self._mocker.told:
                self._mocker.told.add((day_of(exchange), number_here))
                self._texts[number_here] = text
            number = number_here if self._mocker.keeps(kind, number_here) else UNSEEN
        return [("shape", NO_TIME, number, "")]

    def taken(self) -> tuple[list[tuple[Any, ...]], dict[int, str]]:
        """The rows, and the texts of skeletons that are new in them; both are empty then."""
        rows, texts = self._rows, self._texts
        self._rows, self._texts = [], {}
        return rows, texts

    def keep(self, store: Store) -> None:
        """Write all rows; durable on return. Nothing where no mock is published."""
        keep_texts(store, self._texts)
        if self._rows:
            store.insert("mocks_met", table_of(self._rows, _SEEN))


class Counted:
    """Rows counted as the store would, without one. Its size hangs on what is different, not on how
    many there are.
    """

    def __init__(self, texts: dict[int, str]) -> None:
        """`texts` of skeletons are shared by all that one `Mocker` fills."""
        self._counts: Counter[tuple[Any, ...]] = Counter()
        self._spans: dict[tuple[Any, ...], tuple[int, int]] = {}
        self._texts = texts

    def take(self, meetings: Meetings) -> None:
        """Count what is in it, and leave it empty."""
        rows, texts = meetings.taken()
        self._texts.update(texts)
        for row in rows:
            key, at = row[_AT + 1 :], row[_AT]
            self._counts[key] += 1
            first, last = self._spans.get(key, (at, at))
            self._spans[key] = (min(first, at), max(last, at))

    def rows(self) -> list[dict[str, Any]]:
        """As `mocks_met_of` gives them."""
        names = _SEEN.names[_AT + 1 :]
        return [
            {
                **dict(zip(names, key, strict=True)),
                "text": self._texts.get(key[_SHAPE - _AT - 1], ""),
                "exchanges": count,
                "first_seen": self._spans[key][0],
                "last_seen": self._spans[key][1],
            }
            for key, count in self._counts.items()
        ]


_SEEN = pa.schema(
    {
        "source_id": WORDS,
        "partition": pa.uint32(),
        "offset": pa.uint64(),
        "index": pa.uint32(),
        "at": pa.uint32(),
        "contract": WORDS,
        "revision": pa.uint32(),
        "interaction": WORDS,
        "met": WORDS,
        "shown": WORDS,
        "word": WORDS,
        "environment": WORDS,
        "caller": WORDS,
        "caller_version": WORDS,
        "callee": WORDS,
        "callee_version": WORDS,
        "operation": WORDS,
        "status": pa.uint16(),
        "bucket": pa.int16(),
        "stands_for": pa.uint16(),
        "shape": pa.uint64(),
        "detail": pa.string(),
    }
)
_AT, _SHAPE = _SEEN.names.index("at"), _SEEN.names.index("shape")


def _bucket(duration_ns: int | None) -> int:
    return NO_TIME if duration_ns is None or duration_ns < 0 else bucket_of(duration_ns / 1e9)


def _detail(broken: Any) -> str:
    return SEPARATOR.join(
        (broken.rule, broken.pointer, broken.clause, broken.expected, broken.actual)
    )


def differs_by(detail: str) -> Sequence[str]:
    """Rule, place, clause, expected and actual of a row of what is broken."""
    return detail.split(SEPARATOR)
