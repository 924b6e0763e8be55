"""The exchanges of spans that carry bodies: apart from log entries, which need no columns of
numbers.
"""

from collections.abc import Iterator, Mapping

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.attributes import exchange_of_attributes, is_exchange
from monitor.decode.api_logs.making import place_of
from monitor.model.exchanges import Exchange
from monitor.model.records import Records
from monitor.model.spans import KIND_CLIENT, KIND_SERVER, SpanBatch


def span_exchanges(spans: SpanBatch, records: Records) -> list[Exchange]:
    """The exchanges of spans that carry a payload, of the same decode that made the half edges;
    unusable ones are left out.

    `index` is the span's place among its record's spans, so that a replay gives the same keys.
    """
    return list(_span_exchanges(spans, records))


def _span_exchanges(spans: SpanBatch, records: Records) -> Iterator[Exchange]:
    firsts: dict[int, int] = {}
    if spans.bodies:
        for row, record in enumerate(spans.record.tolist()):
            firsts.setdefault(record, row)
    for row, attributes in spans.bodies:
        kind = int(spans.kind[row])
        if kind not in (KIND_CLIENT, KIND_SERVER) or not is_exchange(attributes):
            continue
        record = int(spans.record[row])
        start, end = int(spans.start_ns[row]), int(spans.end_ns[row])
        resource = attributes.get("resource")
        try:
            yield exchange_of_attributes(
                attributes,
                resource if isinstance(resource, Mapping) else {},
                place_of(records, record),
                row - firsts[record],
                side="server" if kind == KIND_SERVER else "client",
                end_ns=end,
                duration_ns=end - start,
                trace=spans.trace[row].tobytes(),
                span=spans.span[row].tobytes(),
            )
        except fields.Refused:
            continue  # the span itself was counted where it was decoded
