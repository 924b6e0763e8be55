"""Edges over more than two days: what lies before today is summed once, and added to what is new.

Whole days behind us hardly change. Summing 30 of them (1.6 million hourly rows of 2,000 edges) took
1.4 CPU s after each publication, however little was new.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any

from monitor.store.client import Store
from monitor.store.gathering import Merge, Row, merged

DAY = 86400
LONG_SECONDS = 2 * DAY
MOST_QUESTIONS, MOST_ROWS = 8, 20_000
MOST_EXEMPLARS = 5
_EDGES = Merge(
    sums=(
        "calls", "weighted_calls", "failed", "ok", "client_error", "server_error", "timeout", "cancelled", "valid", "violated", "both",
        "client_only", "server_only", "log_only", "folded", "failed_attempts", "client_calls", "server_calls", "client_ns", "server_ns",
    ),
    most=("sampling",),
    maps=("error_types", "provider_only", "not_checked", "client_histogram", "server_histogram", "queue_histogram"),
    lists=("exemplars",),
    order=("caller", "callee", "protocol", "operation", "caller_version", "callee_version", "environment", "caller_namespace", "callee_namespace"),
)  # fmt: skip


class LongRanges:
    """Answers to the question `edges` over long ranges, the same rows as the store gives at once.
    Safe between threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._older: OrderedDict[Hashable, tuple[int, list[Row]]] = OrderedDict()
        self._whole: OrderedDict[Hashable, tuple[int, list[Row]]] = OrderedDict()

    def edges(self, parameters: Mapping[str, Any]) -> list[Row]:
        """As of the sequence that the parameters name. A window before today that is published
        anew, as late rows make it, has its days summed again.
        """
        since = int(parameters["since"])
        if parameters["until"] - since <= LONG_SECONDS:
            return self._store.query("edges", dict(parameters))
        (state,) = self._store.query("newest_seq")
        today = int(state["end"]) // DAY * DAY
        if not since < today - LONG_SECONDS < today < parameters["until"]:
            return self._store.query("edges", dict(parameters))
        question = tuple(sorted(item for item in parameters.items() if item[0] != "seq"))
        whole = self._known(self._whole, question, parameters["seq"])
        if whole is None:
            first = -(-since // DAY) * DAY  # a range that ends now begins elsewhere each time
            parts = [
                self._store.query("edges", {**parameters, "until": first})
                if since < first
                else [],
                self._days({**parameters, "since": first, "until": today}),
                self._store.query("edges", {**parameters, "since": today}),
            ]
            whole = merged(parts, _EDGES)
            for row in whole:
                row["exemplars"] = list(dict.fromkeys(row["exemplars"]))[:MOST_EXEMPLARS]
            self._keep(self._whole, question, parameters["seq"], whole)
        return [dict(row) for row in whole]

    def _days(self, parameters: dict[str, Any]) -> list[Row]:
        asked = {"before": parameters["until"], "seq": parameters["seq"]}
        sequence = int(self._store.query("published_before", asked)[0]["newest"])
        question = tuple(sorted(item for item in parameters.items() if item[0] != "seq"))
        rows = self._known(self._older, question, sequence)
        if rows is None:
            rows = self._store.query("edges", {**parameters, "seq": sequence})
            self._keep(self._older, question, sequence, rows)
        return rows

    def _known(
        self, kept: Mapping[Hashable, tuple[int, list[Row]]], question: Hashable, sequence: int
    ) -> list[Row] | None:
        with self._lock:
            held = kept.get(question)
        return held[1] if held is not None and held[0] == sequence else None

    def _keep(
        self,
        kept: OrderedDict[Hashable, tuple[int, list[Row]]],
        question: Hashable,
        sequence: int,
        rows: list[Row],
    ) -> None:
        if len(rows) > MOST_ROWS:
            return
        with self._lock:
            kept[question] = (sequence, rows)
            kept.move_to_end(question)
            while len(kept) > MOST_QUESTIONS:
                kept.popitem(last=False)
