"""Hostile documents, read as CLI and server read them, in a process of their own: CPU seconds and
peak memory stay in bounds.

What is refused takes 2 s and 500 MB at most, on a quiet machine; the bounds here are wider, since
this one may be anything but quiet. What is taken although it is odd may take longer: it is read
once.
"""

import json
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.payloads import Payload
from monitor.contracts.read import examine, read_contract
from monitor.errors import ContractError
from tests.contracts.examples import live, registry
from tests.contracts.test_messages import held as held_message
from tests.contracts.test_messages import judged, said
from tests.fixtures.effort import Effort

REFUSED_SECONDS, TAKEN_SECONDS, MOST_MEGABYTES = 4.0, 20.0, 1_000


def openapi(schemas: dict[str, Any], more: dict[str, Any] | None = None, **media: Any) -> str:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}, **media}}
    answers = {"200": {"description": "x", "content": content}}
    paths = {"/a": {"get": {"responses": answers}}} | (more or {})
    document = {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return json.dumps(document, separators=(",", ":"))


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def long_chain() -> str:
    return openapi(
        {
            f"S{at}": {"properties": {"a": ref(f"S{at + 1}"), "b": ref(f"S{at + 1}")}}
            for at in range(20_000)
        }
        | {"S20000": {}}
    )


def dense_web() -> str:
    return openapi(
        {
            f"S{at}": {"properties": {f"p{to}": ref(f"S{to}") for to in range(300)}}
            for at in range(300)
        }
    )


def doubling() -> str:
    return openapi(
        {f"S{at}": {"allOf": [ref(f"S{at + 1}"), ref(f"S{at + 1}")]} for at in range(5_000)}
        | {"S5000": {}}
    )


def patterns() -> str:
    return openapi(
        {
            "S0": {
                "properties": {
                    f"p{at}": {"pattern": f"(a|b|ab)*c{{1,{at % 900}}}{at}"}
                    for at in range(15_000)
                }
            }
        }
    )


def large_repeats() -> str:
    return openapi(
        {
            "S0": {
                "properties": {
                    f"p{at}": {"pattern": "(((a{1,50}){1,50}){1,50})"} for at in range(2_000)
                }
            }
        }
    )


def examples() -> str:
    shown = {f"e{at}": {"value": ["a" * 30] * 20} for at in range(20_000)}
    return openapi(
        {"S0": {"items": {"pattern": "^(a+)+$", "format": "email", "enum": ["a"]}}}, examples=shown
    )


def backtracking_examples() -> str:
    shown = {f"e{at}": {"value": ["a" * 60] * 400} for at in range(2_000)}
    return openapi({"S0": {"items": {"pattern": "^(?=(a+)+$)(a+)+b$"}}}, examples=shown)


def many_nodes() -> str:
    return openapi({"S0": {"enum": [[]] * 2_000_000}})


def too_many_bytes() -> str:
    return openapi({"S0": {"title": "x" * (CONTRACT_LIMITS.text_bytes + 1)}})


def as_large_as_may_be() -> str:
    return openapi(
        {
            f"S{at}": {
                "properties": {f"p{n}": {"type": "string", "maxLength": n} for n in range(20)}
            }
            for at in range(9_000)
        }
    )


def operations() -> str:
    return openapi(
        {"S0": {}}, {f"/p{at}/{{id}}": {"get": {"responses": {}}} for at in range(30_000)}
    )


def deep() -> str:
    return '{"openapi":"3.1.0","x":' + "[" * 100_000 + "]" * 100_000 + "}"


def remote() -> str:
    return openapi({f"S{at}": {"$ref": f"http://127.0.0.1:1/{at}"} for at in range(50_000)})


def circles() -> str:
    return openapi(
        {
            f"S{at}": {
                "anyOf": [ref(f"S{(at + 1) % 3000}"), {"items": ref(f"S{(at * 7) % 3000}")}]
            }
            for at in range(3_000)
        }
    )


def yaml_bomb() -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)
    ]
    return "openapi: 3.1.0\n" + "\n".join(rows)


def parents_of_all() -> str:
    """Each schema lists those after it and extends those before it."""
    return openapi(
        {
            f"S{at}": {
                "oneOf": [ref(f"S{to}") for to in range(at + 1, min(at + 60, 1_000))],
                "allOf": [ref(f"S{to}") for to in range(max(0, at - 60), at)],
            }
            for at in range(1_000)
        }
    )


def dense_yaml() -> str:
    """3 MB of small objects: two passes over its events and one over its nodes took 4.7 CPU s."""
    head = "openapi: 3.0.0\ninfo: {title: x, version: '1'}\npaths: {}\nx-a:\n"
    return head + "".join(f" p{at}: {{a: 1}}\n" for at in range(200_000))


def flat_yaml() -> str:
    """More nodes than a contract may have, all in one list."""
    return f"openapi: 3.0.0\nx-a: [{','.join(['a'] * 1_450_000)}]\n"


def many_documents() -> str:
    return "---\na: 1\n" * 200_000


def aside() -> str:
    """Patterns where no schema is looked for, and a reference that leads there."""
    patterns = {
        f"p{at}": {"pattern": f"(a|b|ab)*c{{1,{at % 900 + 1}}}{at}"} for at in range(15_000)
    }
    document = json.loads(openapi({"S0": {"$ref": "#/x-a"}}))
    return json.dumps(document | {"x-a": {"properties": patterns}})


HOSTILE = (
    *(examples, yaml_bomb, many_documents, aside, parents_of_all, dense_yaml, flat_yaml),
    *(
        pytest.param(make, marks=pytest.mark.long)
        for make in (
            doubling,
            backtracking_examples,
            deep,
            too_many_bytes,
            remote,
            circles,
            long_chain,
            dense_web,
            patterns,
            large_repeats,
        )
    ),
    *(
        pytest.param(make, marks=pytest.mark.long)
        for make in (many_nodes, as_large_as_may_be, operations)
    ),
)


def _measured(make: Any, pipe: Connection) -> None:
    text, refusal = make(), ""
    effort = Effort()
    try:
        examine("", text, where="contract x")
    except ContractError as error:
        refusal = str(error)[:200]
    # getrusage tells the peak of whoever forked, too
    status = Path("/proc/self/status").read_text(encoding="ascii")
    megabytes = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    pipe.send((effort.seconds(), megabytes, refusal))


def in_a_process(measured: Any, make: Any) -> Any:
    """What `measured(make, pipe)` sends of a process of its own."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=measured, args=(make, there))
    child.start()
    there.close()
    try:
        return here.recv()
    finally:
        child.join()


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: getattr(make, "__name__", None))
def test_no_document_takes_more_than_its_share(make: Any) -> None:
    seconds, megabytes, refusal = in_a_process(_measured, make)
    print(f"{make.__name__}: {seconds:.2f} CPU s, {megabytes:.0f} MB: {refusal or 'taken'}")
    assert seconds < (REFUSED_SECONDS if refusal else TAKEN_SECONDS), refusal
    assert megabytes < MOST_MEGABYTES, refusal


def many_required() -> tuple[dict[str, Any], Any]:
    return {"required": [f"k{at}" for at in range(100_000)]}, {"a": "x" * 50_000}


def many_branches() -> tuple[dict[str, Any], Any]:
    branches = [{"properties": {"a": {"const": at}}} for at in range(20_000)]
    return {"oneOf": branches}, {"a": "x" * 50_000}


def fifty_of_a_large_body() -> tuple[dict[str, Any], Any]:
    return {"required": [f"k{at}" for at in range(50)]}, {"a": ["x" * 8] * 70_000}


def long_list() -> tuple[dict[str, Any], Any]:
    return {"items": {"enum": [{"a": at} for at in range(50_000)]}}, [{"a": 49_999}] * 70_000


def long_constant() -> tuple[dict[str, Any], Any]:
    return {"items": {"const": [{"a": at} for at in range(50_000)]}}, [1] * 200_000


def lookaround() -> tuple[dict[str, Any], Any]:
    return {"pattern": r"(?=(a+))\1b|(a*)*c"}, "a" * 300_000


def many_patterns_of_names() -> tuple[dict[str, Any], Any]:
    patterns = {f"^k{at}x": {} for at in range(3_000)}
    return {"patternProperties": patterns}, {f"k{at}": 1 for at in range(50_000)}


def fine_steps() -> tuple[dict[str, Any], Any]:
    return {"items": {"multipleOf": 5e-324}}, [7] * 450_000


def _checked(make: Any, pipe: Connection) -> None:
    schema, payload = make()
    held = registry(openapi({"S0": schema}), form="openapi")
    effort = Effort()
    checked = check(
        live(path="/a", response_body=json.dumps(payload, separators=(",", ":"))), held
    )
    pipe.send((effort.seconds(), (checked.outcome, checked.reason)))


@pytest.mark.parametrize(
    "make", [long_list, long_constant, lookaround, many_patterns_of_names, fine_steps]
)
def test_a_payload_that_would_be_compared_for_minutes_is_not_checked(make: Any) -> None:
    seconds, told = in_a_process(_checked, make)
    assert told == ("not_checked", "too_large")
    assert seconds < REFUSED_SECONDS


@pytest.mark.parametrize("make", [long_list, lookaround, many_patterns_of_names])
def test_messages_are_bound_alike(make: Any) -> None:
    schema, payload = make()
    channel = {"address": "orders", "messages": {"m": {"payload": schema}}}
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "t", "version": "1"},
        "channels": {"o": channel},
    }
    contract = held_message(json.dumps(document), "asyncapi")
    effort = Effort()
    assert said(judged(payload, contract)) == ("not_checked", "too_large", [])
    assert effort.seconds() < REFUSED_SECONDS


def test_lists_and_patterns_as_documents_have_them_are_judged() -> None:
    words = [f"k{at}" for at in range(3_000)]
    schema = {
        "properties": {
            "country": {"enum": words},
            "word": {"pattern": "^(?=.*[0-9]).{8,}$"},
            "other": {"pattern": "(?!x)a"},
        }
    }
    held = registry(openapi({"S0": schema}), form="openapi")
    for body, told in (
        ({"country": "k2999", "word": "a1" * 40_000, "other": "a"}, ("not_checked", "too_large")),
        ({"country": "k2999", "word": "a1" * 10_000, "other": "a"}, ("valid", "")),
        ({"country": "no", "word": "a1" * 10_000, "other": "a"}, ("violated", "")),
    ):
        checked = check(live(path="/a", response_body=json.dumps(body)), held)
        assert (checked.outcome, checked.reason) == told


def _broken(make: Any, pipe: Connection) -> None:
    schema, payload = make()
    (held,) = read_contract("openapi", openapi({"S0": schema}), where="x").schemas
    effort = Effort()
    payload = Payload(json.dumps(payload), {"content-type": "application/json"})
    assert payload.problem == ""
    assert not payload.keeps(held)
    broken = held.broken(payload.value, 20)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    megabytes = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    pipe.send((effort.seconds(), megabytes, broken))


@pytest.mark.parametrize("make", [many_required, many_branches, fifty_of_a_large_body])
def test_no_broken_payload_takes_more_than_its_share(make: Any) -> None:
    """Each error of the engine holds a copy of the payload: 3.9 GB of the second one."""
    seconds, megabytes, broken = in_a_process(_broken, make)
    print(f"{make.__name__}: {seconds:.2f} CPU s, {megabytes:.0f} MB")
    assert [(it.rule, it.pointer) for it in broken] == [("schema", "")]
    assert seconds < REFUSED_SECONDS
    assert megabytes < MOST_MEGABYTES


def test_clauses_are_told_one_by_one_where_that_is_not_dear() -> None:
    schema = {"required": [f"k{at}" for at in range(50)], "properties": {"a": {"type": "array"}}}
    (held,) = read_contract("openapi", openapi({"S0": schema}), where="x").schemas
    small, large = {"a": ["x"] * 1_000}, {"a": ["x" * 8] * 70_000}
    assert [held.is_dear(payload) for payload in (small, large)] == [False, True]
    assert len(held.broken(small, 100)) == 50
    assert [broken.rule for broken in held.broken({"a": 1}, 100)].count("type") == 1
    text = openapi({"S0": schema})
    for redacted, told in ((True, ("not_checked", "too_large")), (False, ("violated", ""))):
        call = live(path="/a", response_body=json.dumps(large), redacted=redacted)
        checked = check(call, registry(text, form="openapi"))
        assert (checked.outcome, checked.reason) == told


def test_forms_are_bound_alike() -> None:
    dear = {"properties": {"t": {"type": "string", "pattern": "(?!x)a"}}}
    asked = {
        "/form": {
            "post": {
                "requestBody": {
                    "content": {"application/x-www-form-urlencoded": {"schema": dear}}
                },
                "responses": {"200": {"description": "x"}},
            }
        }
    }
    held = registry(openapi({"S0": {}}, asked), form="openapi")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for length, told in ((40_000, ("not_checked", "too_large")), (10_000, ("valid", ""))):
        body = f"t={'a' * length}"
        call = live(method="POST", path="/form", request_headers=headers, request_body=body)
        checked = check(call, held)
        assert (checked.outcome, checked.reason) == told
