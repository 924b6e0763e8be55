"""GraphQL over HTTP against a published schema: whose violation it is, what is only seen, and what
cannot be judged.
"""

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.check import check_payloads
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload
from monitor.contracts.read import document_of, examine, kind_of, read_contract
from monitor.contracts.registry import InForce
from monitor.contracts.selections.answers import Answer
from monitor.contracts.selections.endpoint import Endpoint
from monitor.contracts.selections.queries import Queries
from monitor.contracts.selections.sdl import MOST_TOKENS
from monitor.contracts.selections.written import looks_like_sdl
from monitor.errors import ContractError
from monitor.model.exchanges import Checked, Exchange
from tests.fixtures.effort import Effort

SDL = '''
"""The shop's."""
type Query {
  cart(id: ID!): Cart
  search(text: String!, first: Int = 10): [Found!]!
  node(id: ID!): Node
  old: String @deprecated(reason: "use cart")
}
type Mutation { pay(input: Pay!): Receipt! }
type Subscription { paid: Receipt }
interface Node { id: ID! }
type Cart implements Node { id: ID!  items(kind: Kind): [Item!]! owner: User total: Float! note: String }
type Item { sku: String! qty: Int! kind: Kind! gift: Boolean price: Money @deprecated }
type User implements Node { id: ID! name: String }
union Found = Item | User
enum Kind { BOOK GAME OTHER @deprecated }
scalar Money
input Pay { cart: ID!  cents: Int!  kind: Kind  tags: [String!]  note: String = "x" }
type Receipt { id: ID! at: String }
'''
PROMISE = read_contract("graphql", SDL, where="x")
ENDPOINT = cast("Endpoint", PROMISE.judge)
HELD = InForce("shop", 1, PROMISE, 0, 2**63 - 1, "shop")
ITEM = {"sku": "a", "qty": 1, "kind": "BOOK"}
CART = "query cart($id: ID!) { cart(id: $id) { id total items { sku qty kind } owner { name } } }"
GOOD = {"data": {"cart": {"id": "7", "total": 1.5, "items": [ITEM], "owner": None}}}


def call(request: Any, response: Any, status: int = 200, **other: Any) -> Exchange:
    told: dict[str, Any] = {
        "method": "POST", "path": "/graphql", "query": "", "caller": "web",
        "request_headers": {"content-type": "application/json"}, "response_headers": {"content-type": "application/json"},
    } | other  # fmt: skip
    bodies = [
        body if isinstance(body, str | bytes | None) else json.dumps(body)
        for body in (request, response)
    ]
    return Exchange(
        "s", 0, 0, 0, 1, None, told["method"], told["path"], "", told["query"], status, told["caller"], "1", "shop", "2", "", "production",
        b"", b"", request_headers=told["request_headers"], response_headers=told["response_headers"],
        request_body=bodies[0], response_body=bodies[1], redacted=told.get("redacted", False),
    )  # fmt: skip


def judged(exchange: Exchange, held: InForce = HELD) -> Checked:
    request = Payload(
        exchange.request_body, exchange.request_headers, truncated=exchange.request_truncated
    )
    response = Payload(exchange.response_body, exchange.response_headers)
    return check_payloads(exchange, request, response, [held], lambda: "POST /graphql")


def asked(query: str, data: Any, **variables: Any) -> Checked:
    return judged(call({"query": query, "variables": variables}, {"data": data}))


def said(checked: Checked) -> tuple[str, str, list[tuple[str, str, str]]]:
    return (
        checked.outcome,
        checked.reason,
        [(violation.side, violation.rule, violation.pointer) for violation in checked.violations],
    )


def test_an_answer_that_holds_what_was_selected_is_valid_and_shows_the_field_at_the_top() -> None:
    checked = judged(call({"query": CART, "variables": {"id": "7"}}, GOOD))
    assert said(checked) == ("valid", "", [])
    assert [(evidence.interaction, evidence.shown) for evidence in checked.evidence] == [
        ("Query.cart", "kept")
    ]
    assert [unit.name for unit in PROMISE.units] == [
        "Query.cart", "Query.search", "Query.node", "Query.old", "Mutation.pay", "Subscription.paid"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "variables", "rule", "pointer"),
    [
        ("{ cart(id: 1) { nothing } }", {}, "unknown_field", "/query/Cart/*"),
        ("{ cart { id } }", {}, "missing_argument", "/query/Query/cart"),
        ("{ cart(id: 1, of: 2) { id } }", {}, "unknown_argument", "/query/Query/cart/*"),
        ("{ search(text: 7) { __typename } }", {}, "argument_value", "/query/Query/search"),
        ("{ cart(id: 1) { items(kind: FILM) { sku } } }", {}, "argument_value", "/query/Cart/items"),
        ("query($id: Int) { cart(id: $id) { id } }", {"id": 1}, "variable_type", "/query"),
        ("{ cart(id: 1) }", {}, "field_selection", "/query/Query"),
        ("{ cart(id: 1) { ...gone } }", {}, "unknown_fragment", "/query/Cart"),
        ("{ cart(id: 1) { ... on Gone { id } } }", {}, "unknown_type", "/query/Cart"),
        ("{ cart(id: $id) { id } }", {}, "undefined_variable", "/query"),
        ("{ cart(id: 1) { id } ", {}, "graphql_syntax", "/query"),
        ("query a { old } query b { old }", {}, "unknown_operation", "/operationName"),
        ("mutation($p: Pay!) { pay(input: $p) { id } }", {"p": {"cart": "1"}}, "required", "/variables/p/cents"),
        ("mutation($p: Pay!) { pay(input: $p) { id } }", {"p": {"cart": "1", "cents": "5"}}, "type", "/variables/p/cents"),
        ("mutation($p: Pay!) { pay(input: $p) { id } }", {"p": {"cart": 1, "cents": 5, "y": 1}}, "unexpected_key", "/variables/p/*"),
        ("mutation($p: Pay!) { pay(input: $p) { id } }", {"p": {"cart": 1, "cents": 2**31}}, "format", "/variables/p/cents"),
        ("mutation($p: Pay!) { pay(input: $p) { id } }", {"p": {"cart": 1, "cents": 5, "tags": [None]}}, "non_null", "/variables/p/tags/*"),
        ("query($k: Kind) { cart(id: 1) { items(kind: $k) { sku } } }", {"k": "FILM"}, "enum", "/variables/k"),
        ("query($id: ID!) { cart(id: $id) { id } }", {}, "required", "/variables/id"),
    ],
)  # fmt: skip
def test_what_the_schema_does_not_allow_a_query_is_the_consumers(
    query: str, variables: Any, rule: str, pointer: str
) -> None:
    data = {"cart": {"id": "1", "items": []}} if "items" in query else {"cart": {"id": "1"}}
    answer = {"pay": {"id": "1"}} if "pay" in query else data
    checked = judged(call({"query": query, "variables": variables}, {"data": answer}))
    violations = [violation for violation in checked.violations if violation.side == "request"]
    assert [(violation.rule, violation.pointer) for violation in violations] == [(rule, pointer)]
    assert "FILM" not in repr(violations)
    assert "nothing" not in repr(violations)


@pytest.mark.parametrize(
    ("change", "rule", "pointer"),
    [
        ({"total": None}, "non_null", "/data/cart/total"),
        ({"total": "1.5"}, "type", "/data/cart/total"),
        ({"id": 7}, "type", "/data/cart/id"),
        ({"items": [ITEM | {"kind": "FILM"}]}, "enum", "/data/cart/items/*/kind"),
        ({"items": [ITEM | {"qty": 1.5}]}, "type", "/data/cart/items/*/qty"),
        ({"items": [ITEM | {"qty": 2**40}]}, "format", "/data/cart/items/*/qty"),
        ({"items": [None]}, "non_null", "/data/cart/items/*"),
        ({"items": {}}, "type", "/data/cart/items"),
        ({"owner": {}}, "required", "/data/cart/owner/name"),
        ({"secret": "x"}, "unexpected_key", "/data/cart/*"),
    ],
)
def test_data_that_is_not_what_was_selected_is_the_providers(
    change: Any, rule: str, pointer: str
) -> None:
    checked = judged(
        call(
            {"query": CART, "variables": {"id": "7"}},
            {"data": {"cart": GOOD["data"]["cart"] | change}},
        )
    )
    assert said(checked) == ("violated", "", [("response", rule, pointer)])
    assert [(evidence.interaction, evidence.shown) for evidence in checked.evidence] == [
        ("Query.cart", "broken")
    ]


def test_aliases_fragments_directives_unions_and_interfaces_are_followed() -> None:
    both = """query($with: Boolean = false) { hits: search(text: "a") { __typename ...of ... on User { who: name } } me: node(id: 2) { id }
      cart(id: 1) @include(if: $with) { id } ... @skip(if: $with) { old } } fragment of on Item { sku qty: gift @skip(if: true) amount: qty }"""
    hits = [{"__typename": "Item", "sku": "a", "amount": 1}, {"__typename": "User", "who": None}]
    whole = {"hits": hits, "me": {"id": "2"}, "old": None}
    assert said(asked(both, whole))[0] == "valid"
    assert (
        said(
            asked(both, {"hits": hits, "me": {"id": "2"}, "cart": {"id": "1"}}, **{"with": True})
        )[0]
        == "valid"
    )
    wrong = whole | {"hits": [hits[0] | {"who": "x"}]}
    assert said(asked(both, wrong))[2] == [("response", "unexpected_key", "/data/hits/*/*")]
    assert said(asked(both, whole | {"hits": [{"__typename": "Cart"}]}))[2] == [
        ("response", "typename", "/data/hits/*")
    ]
    assert ("response", "required", "/data/old") in said(asked(both, {"hits": [], "me": None}))[2]
    untold = 'query { search(text: "a") { ... on Item { sku } ... on User { name } } node(id: 1) { id ... on Cart { total } } }'
    assert (
        said(
            asked(
                untold, {"search": [{"sku": "a"}, {"name": None}], "node": {"id": "1", "total": 1}}
            )
        )[0]
        == "valid"
    )
    assert said(asked(untold, {"search": [{"sku": None}], "node": {"id": "1"}}))[2] == [
        ("response", "non_null", "/data/search/*/sku")
    ]


def test_errors_batches_gets_and_introspection() -> None:
    bubbled = {"data": None, "errors": [{"message": "x", "path": ["search"]}]}
    assert (
        said(judged(call({"query": '{ search(text: "a") { __typename } }'}, bubbled)))[0]
        == "valid"
    )
    assert said(judged(call({"query": "{ old }"}, {"data": None})))[2] == [
        ("response", "non_null", "/data")
    ]
    assert said(judged(call({"query": "{ old }"}, {})))[2] == [("response", "required", "/data")]
    two = [{"query": "{ old }"}, {"query": "{ cart(id: 1) { id } }"}]
    assert said(judged(call(two, [{"data": {"old": "x"}}, {"data": {"cart": {"id": 1}}}])))[2] == [
        ("response", "type", "/*/data/cart/id")
    ]
    assert said(judged(call(two, [{"data": {"old": "x"}}])))[:2] == ("not_checked", "batch")
    got = {"method": "GET", "query": "query=%7B+old+%7D&variables=%7B%7D"}
    assert said(judged(call(None, {"data": {"old": 1}}, **got)))[2] == [
        ("response", "type", "/data/old")
    ]
    raw = {"request_headers": {"content-type": "application/graphql"}}
    assert said(judged(call("{ old }", {"data": {"old": 1}}, **raw)))[2] == [
        ("response", "type", "/data/old")
    ]
    schema = {"__schema": {"types": [{"name": "Query", "kind": "OBJECT"}]}, "__typename": "Query"}
    inner = "{ __schema { types { name kind } } __typename }"
    assert said(asked(inner, schema))[0] == "valid"
    assert (
        said(asked(inner, schema | {"__schema": {"types": [{"name": "Query", "kind": "FILM"}]}}))[
            2
        ][0][1]
        == "enum"
    )


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        (call({"extensions": {"persistedQuery": {"sha256Hash": "a"}}}, GOOD), "persisted_query"),
        (call({"query": CART, "variables": {"id": "7"}}, None), "no_body"),
        (call(None, GOOD), "no_body"),
        (call({"query": CART, "variables": {"id": "7"}}, "<html>", 502), "media_type"),
        (call({"query": CART, "variables": {"id": "7"}}, None, 0), "no_response"),
        (call({"query": "{ old @defer }"}, {"data": {}, "hasNext": True}), "incremental"),
        (call({"query": "text"}, GOOD, redacted=True), "request_unseen"),
        (call({"query": "{ nothing }"}, {"errors": [{}]}, 400, caller="unknown"), "refused"),
        (call({"query": "{ " + "old " * 7_000 + "}"}, {"data": {"old": ""}}), "too_large"),
        (call({"query": "{ a" * 80 + "}" * 80}, {"data": {}}), "too_large"),
        (call(None, "<html>", method="GET"), "request_unseen"),
        (call(None, "<html>", method="GET", query="a=1"), "no_query"),
        (call(None, None, method="OPTIONS"), "preflight"),
    ],
)
def test_what_cannot_be_judged_says_why(exchange: Exchange, reason: str) -> None:
    assert said(judged(exchange)) == ("not_checked", reason, [])


def test_a_refused_query_is_told_of_a_consumer_that_is_known_and_its_values_are_not() -> None:
    refused = {"errors": [{"message": "x"}]}
    assert said(judged(call({"query": "{ nothing }"}, refused, 400)))[2] == [
        ("request", "unknown_field", "/query/Query/*")
    ]
    assert said(judged(call({"query": CART, "variables": {"id": {}}}, refused, 200))) == (
        "valid",
        "",
        [],
    )
    assert judged(call(None, None, path="/rest")).reason == "no_contract"
    masked = {
        "data": {
            "cart": GOOD["data"]["cart"]
            | {"total": "***", "items": [ITEM | {"kind": "[redacted]"}]}
        }
    }
    assert said(judged(call({"query": CART, "variables": {"id": "7"}}, masked)))[:2] == (
        "valid",
        "shape_only",
    )


def test_deprecated_fields_arguments_and_values_are_observed() -> None:
    checked = asked(
        "{ old cart(id: 1) { items(kind: OTHER) { price } } }", {"old": None, "cart": None}
    )
    assert checked.outcome == "valid"
    assert [(observation.code, observation.subject) for observation in checked.observations] == [
        ("deprecated_field", "Query.old"), ("deprecated_field", "Kind.OTHER"), ("deprecated_field", "Item.price")
    ]  # fmt: skip


def test_schemas_are_told_from_other_texts_and_published_with_their_lines() -> None:
    assert kind_of(document_of(SDL, where="x")) == "graphql"
    texts = (
        "type: object\n",
        "enum K { A = 0; B = 1; }",
        "query cart { id }",
        '{"type": "object"}',
        'syntax = "proto3";',
        "input: 3",
    )
    assert not any(map(looks_like_sdl, texts))
    assert all(
        map(
            looks_like_sdl,
            (
                "enum K { A B }",
                "extend type Query { a: Int }",
                "scalar T\n",
                "# x\nschema { query: Q }",
                "union A = B",
            ),
        )
    )
    shown = examine("", SDL, where="x")
    assert [(remark.pointer, remark.line) for remark in shown.remarks] == [
        ("/Subscription", 10),
        ("/Money", 17),
    ]
    part = 'extend schema @link(url: "x")\nextend type Query { me: User @shareable }\ntype User @key(fields: "id") { id: ID! }'
    assert [unit.name for unit in read_contract("graphql", part, where="x").units] == ["Query.me"]
    bound = '# x-seamwatch: {"path": "/api/q"}\n' + SDL
    held = InForce("shop", 1, read_contract("graphql", bound, where="x"), 0, 2**63 - 1)
    assert (
        said(judged(call({"query": "{ old }"}, {"data": {"old": 1}}, path="/api/q"), held))[0]
        == "violated"
    )
    assert judged(call({"query": "{ old }"}, {"data": {"old": 1}}), held).reason == "no_contract"


@pytest.mark.parametrize(
    "text",
    [
        "type Query { a: Gone }",
        "type User { id: ID! }",
        "type Query { a(b: Int = " + "[" * 5_000 + "]" * 5_000 + "): Int }",
        "type Query {" + "\n".join(f" f{at}: Int" for at in range(MOST_TOKENS // 3)) + "}",
        "type Query { a: Int",
        '# x-seamwatch: {"path": 7}\ntype Query { a: Int }',
        '# x-seamwatch: {"path"}\ntype Query { a: Int }',
        '{"__schema": {"types": 7, "queryType": {"name": "Query"}}}',
    ],
)
def test_schemas_that_cannot_be_used_are_refused_in_no_time(text: str) -> None:
    effort = Effort()
    with pytest.raises(ContractError):
        examine("", text, where="x")
    assert effort.seconds() < 2


def test_hostile_queries_and_answers_take_bounded_work() -> None:
    effort = Effort()
    fragments = (
        " ".join(f"fragment f{at} on Query {{ ...f{at + 1} ...f{at + 1} }}" for at in range(40))
        + " fragment f40 on Query { old }"
    )
    judged(call({"query": "{ ...f0 } " + fragments}, {"data": {"old": ""}}))
    judged(
        call(
            {"query": "{ " + "cart(id: 1) { items { sku qty kind } } " * 250 + "}"},
            {"data": {"cart": {"items": [ITEM] * 5_000}}},
        )
    )
    judged(call({"query": "{ ...f } fragment f on Query { ...f }"}, {"data": {}}))
    wide = " ".join(
        f'a{at}: search(text: "a") {{ ... on Item {{ sku }} ... on User {{ name }} }}'
        for at in range(200)
    )
    judged(
        call(
            {"query": "{ " + wide + "}"},
            {"data": {f"a{at}": [{"sku": "x"}] * 300 for at in range(200)}},
        )
    )
    assert effort.seconds() < 8


KINDS = """{ hits: search(text: "a") { ...of ... on User { who: name } } cart(id: 1) { __typename id items { sku kind price } owner { id name } }
  node(id: 1) { __typename id ... on Cart { total } } } fragment of on Item { sku qty }"""
DATA = {
    "hits": [{"sku": "a", "qty": 1}, {"who": None}],
    "cart": {
        "__typename": "Cart",
        "id": "1",
        "items": [{"sku": "a", "kind": "BOOK", "price": {"a": 1}}],
        "owner": {"id": "2", "name": "x"},
    },
    "node": {"__typename": "Cart", "id": "1", "total": 2},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


@given(
    st.sampled_from(places(DATA)[1:]),
    st.sampled_from(
        [
            None,
            1,
            2.5,
            "x",
            "Cart",
            "BOOK",
            True,
            [],
            {},
            [{}],
            {"__typename": "User"},
            "drop",
            "more",
        ]
    ),
)
def test_what_is_kept_at_once_is_kept_where_one_looks(path: tuple[Any, ...], put: Any) -> None:
    data: Any = json.loads(json.dumps(DATA))
    held = data
    for step in path[:-1]:
        held = held[step]
    if put == "drop":
        del held[path[-1]]
    elif put == "more" and isinstance(held, dict):
        held["more"] = 1
    else:
        held[path[-1]] = put
    query = ENDPOINT._queries.asked(KINDS, "")
    said_of = Mismatches()
    answer = Answer(ENDPOINT._schema, query, {}, redacted=False)
    assert query.operation is not None
    at_once = answer._at_once.judge_of(ENDPOINT._schema.query_type, query.operation)(data)
    answer._value(
        ENDPOINT._schema.query_type,
        ((query.operation.selection_set, ()),),
        data,
        "/data",
        "/Query",
        said_of,
    )
    assert at_once == (not said_of)


def test_a_query_that_doubles_at_each_step_costs_little_and_its_answers_are_told_undecidable_at_once() -> (
    None
):
    """Whoever may ask a GraphQL service anything may ask this: 50 fragments ask for
    2^50 fields.
    """
    inner = "\n".join(
        f"fragment F{at} on Node {{ a{at}: id ...F{at - 1} ...F{at - 1} }}" for at in range(1, 50)
    )
    wide = f"{{ node(id: 1) {{ ...F49 }} }} fragment F0 on Node {{ id }} {inner}"
    below = "\n".join(
        f"fragment G{at} on Node {{ a{at}: next {{ ...G{at - 1} }} b{at}: next {{ ...G{at - 1} }} }}"
        for at in range(1, 40)
    )
    deep = f"{{ node(id: 1) {{ ...G39 }} }} fragment G0 on Node {{ id }} {below}"
    schema = "type Query { node(id: ID!): Node } type Node { id: ID! next: Node }"
    held = InForce("shop", 1, read_contract("graphql", schema, where="x"), 0, 2**63 - 1, "shop")
    effort = Effort()
    for _ in range(50):
        assert (
            judged(call({"query": wide}, {"data": {"node": {"id": "1"}}}), held).reason
            == "undecidable"
        )
    assert judged(call({"query": deep}, {"data": {"node": None}}), held).outcome == "valid"
    assert (
        judged(call({"query": deep}, {"data": {"node": {"a39": 1}}}), held).outcome == "violated"
    )
    assert effort.seconds() < 4


def test_new_queries_without_end_are_left_out_before_they_have_all_reading_to_themselves() -> None:
    queries = Queries(ENDPOINT._schema)
    queries._room = 20_000
    large = " ".join(f"a{at}: old" for at in range(400))
    problems = [queries.asked(f"{{ x{at}: old {large} }}", "").problem for at in range(12)]
    assert (problems[:3], problems[-3:]) == ([""] * 3, ["too_many_queries"] * 3)
    assert queries.asked("{ old }", "").problem == ""
    for _ in range(10):
        queries.asked("{ old }", "")
    assert queries.asked(f"{{ x99: old {large} }}", "").problem == ""


def test_errors_are_a_list_with_messages_and_no_key_stands_twice() -> None:
    for answer, rule, pointer in (
        ({"data": {"old": None}, "errors": "boom"}, "type", "/errors"),
        ({"data": {"old": None}, "errors": []}, "minItems", "/errors"),
        ({"data": {"old": None}, "errors": [{"text": "x"}]}, "required", "/errors/*/message"),
        ('{"data": {"old": null}, "data": {"old": "x"}}', "duplicate_key", ""),
    ):
        assert said(judged(call({"query": "{ old }"}, answer)))[2] == [("response", rule, pointer)]
    assert (
        judged(call({"query": "{ old }"}, {"errors": {"auth": "no"}}, status=401)).outcome
        == "valid"
    )
    assert (kind_of({"graphql": "http://x"}), kind_of({"proto": "https"})) == (
        "jsonschema",
        "jsonschema",
    )


@pytest.mark.parametrize(
    "asked",
    [
        "# a page\nquery Cart($id: ID!) { cart(id: $id) { id } }",
        "fragment F on Cart { id }",
        "{ cart(id: 1) { id } }",
        "mutation { pay }",
    ],
)
def test_queries_without_their_schema_are_refused_by_what_is_missing(asked: str) -> None:
    with pytest.raises(ContractError, match="missing is the schema that they are asked of"):
        document_of(asked, where="a file")
    assert document_of("query: {a: b}", where="a file") == {"query": {"a": "b"}}
