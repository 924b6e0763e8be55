"""Several topics read as one source: side by side, late ones too, and a missing one
holds up none.
"""

from collections.abc import Callable, Iterator

import pytest

from monitor.errors import SourceUnavailable, TopicMissing
from monitor.model.records import Offsets, Records
from monitor.streams.listed import ListLog, ListSource
from monitor.streams.several import SeveralSources
from monitor.streams.source import Source


class Broken:
    """A source that cannot be read, for a reason."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def poll(self) -> Iterator[Records]:
        raise self._error
        yield

    def commit(self, offsets: Offsets) -> None: ...

    def close(self) -> None: ...


def logs(*names: str) -> dict[str, ListLog]:
    return {name: ListLog(name, 1, f"{number:016x}") for number, name in enumerate(names)}


def opened(
    held: dict[str, ListLog],
    *,
    until_caught_up: bool = True,
    broken: dict[str, Exception] | None = None,
) -> SeveralSources:
    def make(topic: str) -> Source:
        if broken and topic in broken:
            return Broken(broken[topic])
        return ListSource(held[topic], poll_seconds=0.05, until_caught_up=until_caught_up)

    names: Callable[[], list[str]] = lambda: [*held, *(broken or {})]  # noqa: E731 - shorter than a function
    return SeveralSources(
        names, make, what="topics a, b", until_caught_up=until_caught_up, look_seconds=0.0
    )


def test_a_batch_is_of_one_topic_and_its_commit_reaches_that_topic_alone() -> None:
    held = logs("a", "b")
    for number in range(4):
        held["a"].append(b"a%d" % number)
        held["b"].append(b"b%d" % number)
    source = opened(held)
    values = []
    for records in source.poll():
        assert len({where.topic for where in records.partitions}) <= 1
        values += records.values
        last = records
        if records.partitions and records.partitions[0].topic == "a":
            source.commit(records.next_offsets)
    source.close()
    assert last.drained == {where: True for log in held.values() for where in log.partitions}
    assert sorted(values) == [b"a0", b"a1", b"a2", b"a3", b"b0", b"b1", b"b2", b"b3"]
    (a,), (b,) = held["a"].partitions, held["b"].partitions
    assert (held["a"].committed("list", a), held["b"].committed("list", b)) == (4, None)


def test_a_topic_that_comes_later_joins_in() -> None:
    held = logs("a", "late")
    later = {"late": held.pop("late")}
    held["a"].append(b"1")
    later["late"].append(b"2")
    source = opened(held, until_caught_up=False)
    values: list[bytes] = []
    for records in source.poll():
        values += records.values
        if values == [b"1"]:
            held["late"] = later["late"]
        if len(values) == 2:
            break
    source.close()
    assert values == [b"1", b"2"]


def test_a_missing_topic_holds_up_none_of_the_others() -> None:
    held = logs("a")
    held["a"].append(b"1")
    source = opened(held, until_caught_up=False, broken={"b": TopicMissing("b is not there")})
    assert list(next(records.values for records in source.poll() if len(records))) == [b"1"]
    source.close()


def test_no_topic_at_all_is_told_as_missing() -> None:
    with pytest.raises(TopicMissing, match="topics a, b: there is none of them"):
        next(opened({}).poll())


def test_any_other_fault_of_one_is_the_fault_of_all() -> None:
    source = opened(
        logs("a"), until_caught_up=False, broken={"b": SourceUnavailable("the broker is down")}
    )
    with pytest.raises(SourceUnavailable, match="the broker is down"):
        for _ in source.poll():
            pass
    source.close()
