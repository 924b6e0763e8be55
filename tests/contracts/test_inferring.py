"""Paths and schemas of contracts that are inferred: frameworks' placeholders, segments that are
somebody's names, and what is said of how many.
"""

import itertools
import json
from collections import Counter
from typing import Any

import pytest

from monitor.contracts.inferring.alike import Fields
from monitor.contracts.inferring.asyncapi import asyncapi_of
from monitor.contracts.inferring.examples import pending
from monitor.contracts.inferring.gathered import gathered
from monitor.contracts.inferring.held import Held, Marks, at_most
from monitor.contracts.inferring.openapi import openapi_of
from monitor.contracts.inferring.paths import folded, route_of
from monitor.contracts.inferring.schemas import schema_of
from monitor.contracts.skeleton import MOST_ITEMS, MOST_NODES, NO_BODY, Skeleton, text_of
from monitor.detect.ramps.bounds import upper_share
from monitor.joining.inferring import _latencies
from monitor.model.exchanges import MESSAGING
from tests.contracts.test_messages import held as published
from tests.contracts.test_messages import judged


def test_frameworks_placeholders_become_names_each_once() -> None:
    told = {
        "GET /a/:id/b/{id}": ("GET", "/a/{id}/b/{id2}"),
        "PUT /a/<int:order>": ("PUT", "/a/{order}"),
        "GET /a/{id:[0-9]+}.pdf": ("GET", "/a/{id}.pdf"),
        "GET /a/[slug]": ("GET", "/a/{slug}"),
        "GET /static/*": ("GET", "/static/{rest}"),
        "POST /graphql query cart": ("POST", "/graphql"),
        "GET /plain": ("GET", "/plain"),
        "OPTIONS /a": None,
        "shop.Cart/Add": None,
        "GET /a/b/c/d/e/f/g/h/i/j/k/l/…": None,
        "__other__": None,
    }
    assert {operation: route_of(operation) for operation in told} == told


def fields(*places: str) -> Fields:
    return frozenset((place, "s") for place in places)


def test_what_is_wrapped_alike_and_is_of_many_kinds_is_not_one_operation() -> None:
    """`{"data": {"attributes": …}}` of teams and of monitors; what lies below a map, or is left out
    at times, makes no kind.
    """
    kinds = {
        ("GET", f"/api/{word}"): fields("/data", "/data/id", *(f"/data/{word}{at}" for at in "12"))
        for word in "abcdefghijkl"
    }
    users = {
        ("GET", f"/of/{at}/it"): fields("/data", *(f"/data/{n}" for n in range(8) if n != at))
        for at in range(12)
    }
    rates = {
        ("GET", f"/in/{at}"): frozenset({("/of", "o"), (f"/of/{at}", "d"), (f"/of/{at + 1}", "d")})
        for at in range(12)
    }
    routes = folded(kinds | users | rates)
    assert {routes[route] for route in kinds} == kinds.keys()
    assert {routes[route] for route in users} == {("GET", "/of/{name}/it")}
    assert {routes[route] for route in rates} == {("GET", "/in/{name}")}


def test_what_was_refused_is_told_where_it_would_be_held_against() -> None:
    calls = [
        {"operation": "GET /images/{id}", "status": 200, "exchanges": 90},
        {"operation": "GET /images/none", "status": 404, "exchanges": 3},
        {"operation": "GET /other", "status": 404, "exchanges": 3},
        {"operation": "HEAD /images/none", "status": 404, "exchanges": 3},
    ]
    seen = gathered([], [], calls)
    assert {route: held.statuses for route, held in seen.routes.items()} == {
        ("GET", "/images/{id}"): [200, 404]
    }
    assert [left.operation for left in seen.omitted] == ["GET /other", "HEAD /images/none"]


@pytest.mark.parametrize(
    ("statuses", "known"),
    [({200: 71}, False), ({200: 72}, True), ({200: 98, 404: 1}, False), ({200: 99, 404: 1}, True)],
)
def test_few_calls_or_one_of_many_that_came_once_leave_room_for_others(
    statuses: dict[int, int], *, known: bool
) -> None:
    calls = [
        {"operation": "GET /a", "status": status, "exchanges": count}
        for status, count in statuses.items()
    ]
    whole = gathered([], [], calls)
    (seen,) = whole.routes.values()
    assert seen.answers_known(0.01) is known
    assert pending(seen, 0.01) is not known
    operation = openapi_of("a", whole.routes, {})["paths"]["/a"]["get"]
    assert operation.get("x-seamwatch-statuses") == (None if known else "partial")
    assert seen.answers_known(1)
    once = [{"operation": f"GET /{word}", "status": 200, "exchanges": 1} for word in ("b", "c")]
    assert not gathered([], [], [*calls, *once]).routes_known(0.01)


def test_calls_beyond_the_limit_of_names_may_be_of_any_template() -> None:
    calls = [
        {"operation": operation, "status": status, "exchanges": count}
        for operation, status, count in (
            ("DELETE /teams/{id}", 204, 100),
            ("GET /teams", 200, 100),
            ("__other__", 404, 2),
            ("shop.Cart/Get", 200, 50),
        )
    ]
    routes = gathered([], [], calls).routes
    assert not routes["DELETE", "/teams/{id}"].answers_known(0.01)
    assert routes["DELETE", "/teams/{id}"].answers_known(0.02)
    assert routes["GET", "/teams"].answers_known(0.01)


def test_many_texts_at_one_place_are_one_placeholder_where_answers_are_alike() -> None:
    like, other = fields("/name"), fields("/up")
    people = {("GET", f"/people/{at}"): like for at in "abcdefghij"}
    routes = folded(
        people
        | {("GET", "/people/me"): other, ("GET", "/a/{id}"): like, ("GET", "/a/{key}"): other}
        | {("GET", f"/few/{at}"): like for at in "abc"}
    )
    assert {routes[route] for route in people} == {("GET", "/people/{name}")}
    assert routes[("GET", "/people/me")] == ("GET", "/people/me")
    assert routes[("GET", "/few/a")] == ("GET", "/few/a")
    assert routes[("GET", "/a/{key}")] == ("GET", "/a/{id}")  # one path may stand there once


def test_a_prefix_with_many_tails_is_an_id_whatever_is_answered() -> None:
    ids = [f"pay_{at * 7919:08x}" for at in range(12)]
    paid, back = fields("/id"), fields("/id", "/note")
    answers: dict[tuple[str, str], Fields | None] = {
        ("GET", f"/payments/{text}"): (paid, back, None)[at % 3] for at, text in enumerate(ids)
    }
    answers |= {("POST", f"/payments/{ids[0]}/lines/ln-{at:05}"): None for at in range(3)}
    answers |= {("GET", f"/payments/{text}"): paid for text in ("latest", "v1-beta2")}
    answers |= {("GET", f"/v{at}/rates"): paid for at in range(3)}
    answers |= {("GET", f"/carts/crt_{at:04}"): paid for at in range(9)}
    routes = folded(answers)
    assert {routes["GET", f"/payments/{text}"] for text in ids} == {("GET", "/payments/{id}")}
    # below an id that is known as one, too few tails were seen of the next
    line = ("POST", f"/payments/{ids[0]}/lines/ln-00002")
    assert routes[line] == ("POST", "/payments/{id}/lines/ln-00002")
    alone = [route for route in answers if "pay_" not in route[1]]
    assert [route for route in alone if routes[route] != route] == []


def test_ids_by_letters_join_the_place_of_those_with_digits() -> None:
    like = fields("/id")
    texts = [f"ord_{at:04}x" for at in range(10)] + [f"ord_{at}bcde" for at in "abcdefghij"]
    routes = folded({("GET", f"/orders/{text}"): like for text in texts})
    assert set(routes.values()) == {("GET", "/orders/{id}")}


def test_an_id_that_was_refused_alone_is_of_an_operation_that_is_served() -> None:
    calls = [
        {
            "operation": f"GET /payments/pay_{at:08x}",
            "status": 404 if at % 5 else 200,
            "exchanges": 1,
        }
        for at in range(300, 330)
    ] + [{"operation": f"GET /wp/a_{at:04}", "status": 404, "exchanges": 1} for at in range(12)]
    seen = gathered([], [], calls)
    assert {route: held.statuses for route, held in seen.routes.items()} == {
        ("GET", "/payments/{id}"): [200, 404]
    }
    assert [left.operation for left in seen.omitted] == ["GET /wp/{id}"]


def held(*payloads: object, times: int = 1) -> Held:
    summed = Held()
    for payload in payloads:
        summed.add(Skeleton(payload, marked=False).node, times)
    return summed


NOTHING = Marks({})


@pytest.mark.parametrize(("times", "sure"), [(366, False), (368, True)])
def test_a_field_is_required_where_so_many_had_it_that_few_can_lack_it(
    times: int, sure: bool
) -> None:
    schema = schema_of(held({"id": 1}, times=times), NOTHING)
    assert ("required" in schema) is sure
    assert at_most(times) == pytest.approx(upper_share(0, times))
    sometimes = schema_of(held({"id": 1}, {"id": 1, "note": "x"}, times=500), NOTHING)
    assert sometimes["required"] == ["id"]
    assert sometimes["properties"]["note"]["x-seamwatch-evidence"]["of"] == 1000


def test_what_was_not_seen_is_not_told() -> None:
    assert schema_of(held({"a": None}), NOTHING)["properties"]["a"].keys() == {
        "x-seamwatch-evidence"
    }
    empty = schema_of(held({"a": []}, times=20), NOTHING)
    assert empty["properties"]["a"]["type"] == ["array", "null"]
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    schema = schema_of(held(deep, times=500), NOTHING)
    while "items" in schema:
        schema = schema["items"]
    assert schema == {"type": "array"}  # where looking ended
    listed = schema_of(held([{"a": 1}, {"a": 1, "b": 1}], times=999), NOTHING)
    assert listed["items"]["required"] == ["a"]


def test_an_array_is_told_by_all_of_its_items_or_not_at_all() -> None:
    """Its end tells more than its beginning: lists are sorted, with what lacks the key last."""
    page: list[object] = [{"price": 1.5} for _ in range(50)]
    schema = schema_of(held([*page, {"price": "ask"}], times=500), NOTHING)
    assert schema["items"]["properties"]["price"]["type"] == ["number", "string"]
    endless = schema_of(held([1] * (MOST_ITEMS + 1), times=500), NOTHING)
    assert endless == {"type": "array"}
    both = schema_of(held([[1], [1] * (MOST_ITEMS + 1)], times=500), NOTHING)
    assert both["items"] == {"type": "array"}
    wide = [{f"f{field}": row for field in range(20)} for row in range(MOST_NODES // 20)]
    assert schema_of(held(wide, times=500), NOTHING)["items"] == {"type": "object"}


def test_what_stands_seldom_has_no_type_yet() -> None:
    payloads = [{"a": 1}] * 40, [{"a": 1, "note": "x"}] * 19, [{"a": 1, "more": [2]}] * 20
    properties = schema_of(held(*itertools.chain(*payloads)), NOTHING)["properties"]
    assert "type" not in properties["note"]
    assert properties["more"]["items"] == {"type": ["number", "null"]}
    few = schema_of(held({"a": [1]}, {"a": []}), NOTHING)
    listed = few["properties"]["a"]
    assert "type" not in few
    assert "type" not in listed
    assert (listed["x-seamwatch-evidence"]["types"], listed["items"]) == (
        ["array"],
        {"x-seamwatch-evidence": {"types": ["number"]}},
    )
    assert schema_of(held({"a": [1]}), NOTHING, 1)["properties"]["a"]["items"]["type"] == "number"
    # 6 of one type: surely no more than 46 % are of another
    assert [schema_of(held(1, times=at), NOTHING, 0.46).get("type") for at in (5, 6)] == [
        None,
        "number",
    ]


def test_many_fields_of_several_types_promise_nothing_of_further_ones() -> None:
    """A repository of GitHub has 100 fields, of numbers, texts and objects; the next one a list."""
    one = {f"key{at}": at for at in range(500)}
    numbers = schema_of(held(one, times=40), NOTHING)["additionalProperties"]
    assert numbers["type"] in ("number", ["number", "null"])
    assert "additionalProperties" not in schema_of(held(one), NOTHING)
    assert "additionalProperties" not in schema_of(held(one | {"of": "text"}, times=40), NOTHING)


def test_of_few_payloads_a_type_leaves_null_open() -> None:
    """A title was a text in 38 of 38 payloads, and null in the next. 368 of a kind bound it by 1 %."""
    types = [schema_of(held("a", times=at), NOTHING)["type"] for at in (20, 367, 368)]
    assert types == [["string", "null"], ["string", "null"], "string"]


def answered(times: int, *media: str) -> dict[str, Any]:
    """What is inferred of answers that came so often as each of these media types."""
    rows = [
        {
            "operation": "GET /a", "protocol": "http", "status": 200, "side": "response",
            "media": word, "looked_at": times, "text": Skeleton({"a": 1}).text,
        }
        for word in media
    ]  # fmt: skip
    calls = [{"operation": "GET /a", "status": 200, "exchanges": times * len(media)}]
    document = openapi_of("a", gathered(rows, [], calls).routes, {})
    content: dict[str, Any] = document["paths"]["/a"]["get"]["responses"]["200"]["content"]
    return content


def test_of_few_bodies_another_media_type_and_what_is_no_json_stay_open() -> None:
    """8 answers were application/json, and the next was application/vnd.api+json."""
    few = answered(8, "application/json")
    assert list(few) == ["application/json", "*/*"]
    assert few["application/json"]["x-seamwatch-may-be-text"]
    more = answered(72, "application/json")
    assert list(more) == ["application/json"]
    assert more["application/json"]["x-seamwatch-may-be-text"]
    many = answered(368, "application/json", "text/plain")
    assert list(many) == ["application/json", "text/plain"]
    assert "x-seamwatch-may-be-text" not in many["application/json"]


def test_records_of_odd_topics_keep_what_was_inferred_of_them() -> None:
    odd: list[tuple[str, str, list[object]]] = [
        ("a.b", "application/json", [{"a": 1}]),
        ("a-b", "application/json", [{"a": "x"}]),
        ("ünï {x}/$ref", "", [{"$ref": "x", "a/b": 1, "~": None}, []]),
        ("signs", "application/x.y+json", [{"a": 1}]),
        ("signs", "application/x-y+json", [{"a": "x"}]),
        ("scalars", "application/json", [1, "a", True, None, 1.5, 2**60]),
        ("no json", "application/json", [{"a": 1}, b"OK"]),
        ("tombstones", "application/json", [{"a": 1}, b""]),
        ("blobs", "text/csv", [b"a,b"]),
    ]
    rows = [
        {"operation": topic, "protocol": MESSAGING, "status": 0, "side": "request", "media": media,
         "looked_at": 400, "text": _text_of(payload)}
        for topic, media, payloads in odd for payload in payloads
    ]  # fmt: skip
    contract = published(
        json.dumps(asyncapi_of("till", gathered(rows, (), ()).topics)), "asyncapi"
    )
    outcomes: dict[str, list[str]] = {}
    for topic, media, payloads in odd:
        headers = {"content-type": media} if media else {}
        for payload in payloads:
            checked = judged(payload, contract, topic=topic, headers=headers)
            outcomes.setdefault(topic, []).append(f"{checked.outcome} {checked.reason}".strip())
    assert {topic: sorted(set(told)) for topic, told in outcomes.items()} == {
        **{topic: ["valid"] for topic in ("a.b", "a-b", "ünï {x}/$ref", "signs", "scalars")},
        "no json": ["not_checked media_type", "valid"],
        "tombstones": ["not_checked no_body", "valid"],
        "blobs": ["not_checked no_contract"],
    }
    assert judged({"a": "x"}, contract, topic="a.b").outcome == "violated"


def _text_of(payload: object) -> str:
    """Of bytes nothing was seen, unless there were none."""
    if isinstance(payload, bytes):
        return text_of(NO_BODY) if not payload else ""
    return Skeleton(payload, marked=False).text


def test_words_are_listed_only_where_they_are_asked_for_and_no_other_may_come() -> None:
    def told(*payloads: object, times: int, words: frozenset[str]) -> dict[str, Any]:
        summed, counted = Held(), Counter[str]()
        for payload in payloads:
            skeleton = Skeleton(payload, words=words)
            summed.add(skeleton.node, times)
            for place, mark in [*(skeleton.marks or ()), ("", "n")]:
                counted[f"{place}\x1f{mark}"] += times
        schema: dict[str, Any] = schema_of(summed, Marks(counted))["properties"]["it"]
        return schema

    asked = frozenset({"/it", "/it/*"})
    words = {"it": "open"}, {"it": "paid"}, {"it": None}
    assert told(*words, times=300, words=asked)["enum"] == ["open", "paid", None]
    assert "enum" not in told(*words, times=300, words=frozenset())
    assert "enum" not in told(*words, times=90, words=asked)
    assert "enum" not in told(*words, {"it": "two words"}, times=300, words=asked)
    listed = told({"it": ["open", "paid"]}, times=500, words=asked)
    assert listed["items"]["enum"] == ["open", "paid"]


def test_the_longest_that_nearly_all_calls_take_is_told_with_a_margin() -> None:
    call = {"operation": "GET /a/{id}", "status": 200, "exchanges": 9}
    seen = gathered([], [], [call])
    told = {"server_histogram": {-53: 3_000, -20: 3}, "client_histogram": {0: 3_003}}
    (limit,) = _latencies(seen, [{"operation": "GET /a/{id}", **told}]).values()
    assert limit == {"p99": "17ms"}  # 11 ms and a half more
    few = {"server_histogram": {-53: 100}, "client_histogram": {}}
    assert _latencies(seen, [{"operation": "GET /a/{id}", **few}]) == {}
