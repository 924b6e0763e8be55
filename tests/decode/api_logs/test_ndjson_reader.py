"""Entries alike are read as each alone would be; headers say the same in every form."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.decode.api_logs.fields import Refused, headers_of
from monitor.decode.api_logs.making import Place
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.decode.api_logs.ndjson_reader import NdjsonReader
from monitor.model.exchanges import Exchange

NOW_MS = 1_795_252_229_000
PLACE = Place("ab" * 8, 0, 7, NOW_MS)
NAMES = st.sampled_from(["web", "", "-", None, 1, True, 1.0, 0.0, ["a"], "x" * 300])
HEADERS = st.one_of(
    st.sampled_from([None, {}, "x", '{"Host":"h"}', [["Host", "h"]], {"a": 1}, {"": "x"}, {"A": "1", "a": "2"}, {"Host": "pay:80", "Authorization": "b", "Cookie": "s=1; t=x"}]),
    st.dictionaries(st.sampled_from(["Host", "x-Api-Key", "cookie", "Accept", "traceparent"]), st.sampled_from(["", "a=1", "x" * 3000, "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"])),
)  # fmt: skip
BODIES = st.sampled_from([None, "", "{}", {"a": 1}, [1], 5, b"x".decode()])
FLAGS = st.sampled_from([True, False, None, 1, 0, "true"])
IDS = st.sampled_from(
    ["ab" * 16, "cd" * 8, "0" * 32, "0" * 16, "", None, "zz" * 16, "ab cd" * 3, 5]
)
ENTRIES = st.fixed_dictionaries(
    {"time": st.sampled_from([NOW_MS, NOW_MS / 1e3, "2026-11-29T03:00:00Z", 5, None, True, NOW_MS * 10**6, NOW_MS + 9 * 10**6]), "method": st.sampled_from(["GET", "get", "POST", "", None, 1]),
     "path": st.sampled_from(["/a", "a", "/a?b=1", "/a#b", "http://h/x?y", "", None, 5, "/" + "x" * 3000])},
    optional={
        "url": st.sampled_from(["http://h/x", None]), "route": NAMES, "query": st.sampled_from(["", "a=1", "?a=1", None, {"a": [1, True]}, 5]), "status": st.sampled_from([200, 200.0, "200", True, 1, None, "-", 5000, -1]),
        "duration_ms": st.sampled_from([1, 1.5, "1.5", None, -1, 1e300, float("inf"), float("nan"), True, "x"]), "caller": NAMES, "caller_version": NAMES, "callee": NAMES, "callee_version": NAMES,
        "callee_namespace": NAMES, "caller_namespace": NAMES, "environment": NAMES, "side": st.sampled_from(["client", "server", None, 1]), "request_truncated": FLAGS, "response_truncated": FLAGS, "redacted": FLAGS, "headers_whole": FLAGS,
        "request_headers": HEADERS, "response_headers": HEADERS, "request_body": BODIES, "response_body": BODIES, "response_body_encoding": st.sampled_from(["base64", None]), "trace_id": IDS, "span_id": IDS,
        "proxy_answer": FLAGS, "upstream_status": st.sampled_from(["", 200]),
    },
)  # fmt: skip


def read(make: Any, entry: dict[str, Any]) -> Exchange | str:
    try:
        exchange = make(entry, PLACE, 3)
    except Refused as refusal:
        return str(refusal)
    assert isinstance(exchange, Exchange)
    return exchange


@given(st.lists(ENTRIES, min_size=1, max_size=6))
def test_a_reader_that_knows_others_reads_as_one_that_knows_none(
    entries: list[dict[str, Any]],
) -> None:
    readers: dict[tuple[str, ...], NdjsonReader] = {}
    for entry in entries + entries:
        reader = readers.setdefault(tuple(entry), NdjsonReader(tuple(entry)))
        assert read(reader, entry) == read(ndjson_exchange, entry)


@given(
    st.lists(ENTRIES, min_size=2, max_size=2).flatmap(
        lambda two: st.tuples(
            st.just(two[0]),
            st.fixed_dictionaries(
                {name: st.sampled_from([two[0][name], two[1].get(name)]) for name in two[0]}
            ),
        )
    )
)
def test_entries_that_differ_a_little_are_not_mistaken_for_each_other(
    two: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    reader = NdjsonReader(tuple(two[0]))
    for entry in two:
        assert read(reader, entry) == read(ndjson_exchange, entry)


@given(
    st.dictionaries(
        st.sampled_from(["Host", "HOST", "", "Cookie", "X-Token", "www-authenticate", "n" * 300]),
        st.sampled_from(["", "a=1; b=true", "x", "x" * 3000]),
    )
)
def test_headers_say_the_same_as_an_object_and_as_pairs(held: dict[str, str]) -> None:
    assert headers_of(held) == headers_of([[name, value] for name, value in held.items()])
