"""API logs entry by entry, as who looks at a file wants them: what each was told as, and what became
of it.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from monitor.decode.api_logs.decode import (
    MOST_BYTES,
    UNNAMED,
    Found,
    Names,
    Read,
    reader,
    unpacked,
)
from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.making import place_of
from monitor.decode.api_logs.otlp import Passed
from monitor.decode.api_logs.recognising import SOURCES, Recogniser
from monitor.decode.api_logs.w3c import Heads
from monitor.decode.api_logs.waiting import Waits
from monitor.decode.unforeseen import UNFORESEEN
from monitor.decode.unpacking import Unpacker
from monitor.model.exchanges import Exchange
from monitor.model.forms import without_bom
from monitor.model.records import Place, Records, stepped_over

_MOST_WAITING = 10_000


def explain_api_logs(
    batches: Iterable[Records],
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
    names: Names = UNNAMED,
) -> Iterator[tuple[str, int, str, Found]]:
    """As `read_api_logs` of all batches of a source that ends, each entry in order with topic and
    offset of its record and the form that it was told as ("" for none). Some thousand pieces of
    exchanges wait for others over batches.
    """
    recogniser = Recogniser(format, Heads()) if format in ("auto", *SOURCES) else None
    read = reader(format, mapping or {}, recogniser)
    unpacker = Unpacker(MOST_BYTES)
    topics: dict[str, str] = {}
    for records in batches:
        topics |= {partition.source_id: partition.topic for partition in records.partitions}
        skipped = {rejection.place: rejection.reason for rejection in stepped_over(records)}
        for index, place in enumerate(records.places()):
            topic, value = records.partitions[index].topic, records.values[index]
            if place in skipped and not value:
                yield topic, place[2], "", Refused(skipped[place])
                continue
            count = 0
            for outcome, read_so_far in _explained(read, records, index, unpacker):
                count += 1
                is_form_sure = (
                    recogniser is not None and read_so_far and not isinstance(outcome, Passed)
                )
                form = recogniser.told if recogniser is not None and is_form_sure else ""
                yield topic, place[2], form, _given(names, outcome)
            if not count:
                yield topic, place[2], "", Refused("empty")
        for at, form, piece in (
            recogniser.left(_some_wait(), stay=True) if recogniser is not None else ()
        ):
            yield topics[at.source_id], at.offset, form, _given(names, piece)
    for at, form, piece in recogniser.left() if recogniser is not None else ():
        yield topics[at.source_id], at.offset, form, _given(names, piece)


def _explained(
    read: Read, records: Records, index: int, unpacker: Unpacker
) -> Iterator[tuple[Found, bool]]:
    """What a record holds; False beside what kept it from being read."""
    try:
        content = without_bom(unpacked(records.values[index], unpacker))
        for outcome in read(content, place_of(records, index), None):
            yield outcome, True
    except Refused as refusal:
        yield refusal, False
    except UNFORESEEN as error:
        yield Refused(f"unreadable_{type(error).__name__}"), False


def _some_wait() -> Waits:
    room = itertools.count()

    def waits(_: Sequence[Place]) -> bool:
        return next(room) < _MOST_WAITING

    return waits


def _given(names: Names, outcome: Found) -> Found:
    return names.given(outcome) if names.any and isinstance(outcome, Exchange) else outcome
