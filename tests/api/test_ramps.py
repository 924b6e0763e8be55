"""Ramps by API: pairs with their bounds, by role; what goes on between versions; and the same state
again when asked for a past time.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scipy.stats import beta
from sqlalchemy import event

from monitor.contracts.registry import Registry
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.api.test_checked_counts import closed
from tests.contracts.examples import interaction, pact
from tests.fixtures.api import Asked
from tests.fixtures.ramp_hour import BEGIN, NEW, OLD, RAMP, write_ramp
from tests.fixtures.rig import Rig
from tests.fixtures.shop_day import (
    NOON,
    edge_row,
    publish,
    sighting,
    write,
    write_judgement,
    write_shop_day,
)
from tests.fixtures.spans import T0, S
from tests.pipelines.test_examples_shown import records
from tests.pipelines.written import Given


def pair(state: dict[str, Any], caller: str, callee: str) -> dict[str, Any]:
    """The pair of `service version` and `service version`."""
    return next(
        it
        for it in state["pairs"]
        if f"{it['caller']} {it['caller_version']}".strip() == caller
        and f"{it['callee']} {it['callee_version']}".strip() == callee
    )


def asked(api: Asked, at: datetime | None = None, service: str = "payment") -> dict[str, Any]:
    """The state of a ramp."""
    query = f"?at={at.isoformat().replace('+00:00', 'Z')}" if at else ""
    answer = api.get(f"/v1/ramps/{service}{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_past_state_is_the_same_whatever_came_after(api: Asked) -> None:
    middle = NOON - timedelta(minutes=10)
    write_ramp(api.parts.store, BEGIN, middle, generation=1)
    then = asked(api)
    assert then["at"] == middle.isoformat().replace("+00:00", "Z")
    write_ramp(api.parts.store, middle, NOON, generation=2)
    assert asked(api, middle) == then
    assert asked(api)["pairs"] != then["pairs"]
    before = asked(api, RAMP)
    assert before["since"] is None
    assert [version["version"] for version in before["live"]] == [OLD]
    assert [reason["code"] for reason in before["reasons"]] == ["ramp_one_version"]


def test_pairs_are_named_by_who_came_later_and_bounded_by_clopper_and_pearson(api: Asked) -> None:
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    state = asked(api)
    roles = {
        (it["caller"], it["caller_version"], it["callee"], it["callee_version"]): it["role"]
        for it in state["pairs"]
    }
    assert roles["checkout", "3.1.0", "payment", NEW] == "backward"
    assert roles["checkout", "3.2.0", "payment", OLD] == "forward"
    assert roles["checkout", "3.2.0", "payment", NEW] == "new"
    assert roles["checkout", "3.1.0", "payment", OLD] == "established"
    assert roles["payment", NEW, "bank.example", ""] == "forward"
    queue = pair(state, f"payment {NEW}", "ledger 5")
    assert (queue["kind"], queue["role"], queue["latency"][0]["side"]) == (
        "queue",
        "forward",
        "queue",
    )
    backward = pair(state, "checkout 3.1.0", f"payment {NEW}")
    calls = 10 * 30 + 30 * 30 + 30 * 30 + 5 * 30
    assert backward["calls"] == calls
    assert backward["violated"] == {
        "count": 0,
        "of": calls,
        "upper": pytest.approx(beta.ppf(0.975, 1, calls)),
    }
    assert f"0 of {calls:,} violate; ≤ 0.16 %" in [it["text"] for it in backward["reasons"]]
    assert backward["thin"] == [
        {"operation": "GET /pay/{id}", "ending": "ok", "seen": 0, "elsewhere": 900}
    ]
    assert backward["word"] == "unproven"  # one usual path was never seen
    assert pair(state, "checkout 3.2.0", f"payment {NEW}")["word"] == "unproven"
    assert [it["service"] for it in api.get("/v1/ramps").json()] == ["checkout", "payment"]
    assert [(dose["rises"], dose["levels"]) for dose in state["doses"]] == [(False, 3)]
    assert "ramp_errors_alike" in [it["code"] for it in backward["reasons"]]
    assert pair(state, f"payment {NEW}", "bank.example")["word"] == "proven"


def test_what_goes_on_between_versions_is_told(api: Asked) -> None:
    write_ramp(api.parts.store, BEGIN, NOON, generation=1, dose=0.2)
    seen = {
        "source_id": "log", "partition": 0, "index": 0, "at": int(NOON.timestamp()) - 60, "callee": "payment", "callee_namespace": "",
        "environment": "production", "protocol": "http", "operation": "POST /pay", "status": 200, "side": "response",
        "media": "application/json", "caller": "checkout", "stands_for": 1,
    }  # fmt: skip
    rows = [
        ("3.1.0", OLD, 1),
        ("3.1.0", OLD, 2),
        ("3.1.0", NEW, 3),
        ("3.2.0", OLD, 1),
        ("3.2.0", NEW, 1),
    ]
    write(
        api.parts.store,
        "shapes_seen",
        [
            seen
            | {
                "offset": number,
                "caller_version": caller,
                "callee_version": callee,
                "shape": shape,
            }
            for number, (caller, callee, shape) in enumerate(rows)
        ],
    )
    state = asked(api)
    moved = {it["caller"]: it for it in state["moved_back"]}
    assert moved[""]["peak_share"] == pytest.approx(0.6, abs=0.1)
    assert moved[""]["share"] == pytest.approx(0.1, abs=0.05)
    assert {(it["caller_version"], tuple(it["versions"])) for it in state["mixed"]} == {
        ("3.1.0", (OLD, NEW)),
        ("3.2.0", (OLD, NEW)),
    }
    assert {it["caller_version"]: it["shapes_differ"] for it in state["mixed"]} == {
        "3.1.0": [200],
        "3.2.0": [],
    }
    (dose,) = state["doses"]
    assert dose["rises"]
    assert dose["added"] == pytest.approx(0.2, abs=0.05)


def test_a_call_that_failed_on_one_version_and_went_well_on_the_other_is_a_retry(
    api: Asked, rig: Rig
) -> None:
    spans: list[S] = []
    for trace in range(1, 4):
        spans.append(S("checkout", "server", trace, 1, version="3.1.0", end=5.0))
        for number, version in ((2, NEW), (4, OLD)):
            times = {"start": number / 4, "end": number / 4 + 0.1, "error": version == NEW}
            spans += [
                S("checkout", "client", trace, number, 1, version="3.1.0", **times),  # type: ignore[arg-type]
                S("payment", "server", trace, number + 1, number, version=version, **times),  # type: ignore[arg-type]
            ]
    rig.deliver(*spans)
    rig.close()
    state = asked(api, datetime.fromtimestamp(T0 + 60, UTC))
    assert state["retried"] == [
        {
            "caller": "checkout", "caller_version": "3.1.0", "operation": "GET /x", "from_version": NEW,
            "to_version": OLD, "retries": 3, "recovered": 3,
        }
    ]  # fmt: skip
    # both versions were there when the data began, and no deploy tells which came later
    assert {it["role"] for it in state["pairs"] if it["callee"] == "payment"} == {"unordered"}
    codes = [it["code"] for it in state["reasons"]]
    assert "ramp_order_unknown" in codes
    assert "ramp_retries_untold" not in codes


def test_a_call_that_a_proxy_made_again_of_the_other_version_is_a_retry(
    api: Asked, rig: Rig
) -> None:
    """For one call of the caller's there are two answers: only the last one was looked at."""
    spans: list[S] = []
    for trace in range(1, 6):
        well = trace <= 3
        ends = {"start": 0.1, "end": 1.0}
        spans.append(
            S("checkout", "client", trace, 1, version="3.1.0", error=not well, **ends)  # type: ignore[arg-type]
        )
        for number, version in ((2, NEW), (3, OLD)):
            times = {"start": number / 4, "end": number / 4 + 0.1}
            failed = version == NEW or not well
            spans.append(
                S("payment", "server", trace, number, 1, version=version, error=failed, **times)  # type: ignore[arg-type]
            )
    spans += [
        S("checkout", "client", 9, 1, version="3.1.0"),
        S("payment", "server", 9, 2, 1, version=NEW),
    ]
    rig.deliver(*spans)
    rig.close()
    (told,) = asked(api, datetime.fromtimestamp(T0 + 60, UTC))["retried"]
    assert (told["from_version"], told["to_version"]) == (NEW, OLD)
    assert (told["retries"], told["recovered"]) == (5, 3)


def test_a_name_that_means_several_is_refused_and_one_that_nobody_has_not_found(
    api: Asked,
) -> None:
    write_ramp(api.parts.store, BEGIN, RAMP, generation=1)
    assert api.get("/v1/ramps/nobody").status_code == 404
    assert api.get("/v1/ramps").json() == []
    assert api.get("/v1/ramps/payment?environment=staging").status_code == 404


def test_a_version_may_go_where_every_pair_is_proven_and_silence_proves_nothing(
    api: Asked,
) -> None:
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)

    def can(version: str, to: str = "production") -> dict[str, Any]:
        return dict(api.get(f"/v1/can-i-deploy?service=payment&version={version}&to={to}").json())

    told = can(NEW)
    assert told["exit_code"] == 2
    words = {
        f"{it['caller']} {it['caller_version']} → {it['callee']}": it["word"]
        for it in told["pairs"]
    }
    assert words == {
        "checkout 3.1.0 → payment": "unproven",  # GET /pay/{id} was never shown
        "checkout 3.2.0 → payment": "unproven",
        f"payment {NEW} → ledger": "proven",
        f"payment {NEW} → bank.example": "proven",
    }
    unseen = can("9.9")
    assert {it["word"] for it in unseen["pairs"]} == {"unproven"}
    assert {lack["code"] for it in unseen["pairs"] for lack in it["missing"]} == {
        "pair_never_seen"
    }
    assert "at 10% of the traffic there" in unseen["pairs"][0]["missing"][0]["text"]
    nobody = can(NEW, "staging")
    assert (nobody["exit_code"], nobody["pairs"]) == (2, [])
    assert nobody["notes"][0]["code"] == "deploy_nobody_known"


def test_where_all_is_proven_a_version_may_go(api: Asked) -> None:
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    told = api.get("/v1/can-i-deploy?service=ledger&version=5&to=production").json()
    assert {it["word"] for it in told["pairs"]} == {"proven"}
    assert told["exit_code"] == 0


def test_what_has_arrived_and_is_not_closed_is_told_where_no_version_is_seen_yet(
    api: Asked,
) -> None:
    def hint() -> str:
        answer = api.get("/v1/ramps/payment")
        assert answer.status_code == 404
        return str(answer.json()["error"]["do"])

    nothing = hint()
    assert "/v1/services" in nothing
    arrived = {"source_id": "s", "rows": 9, "ingested": NOON}
    write(api.parts.store, "arrivals", [arrived | {"window": NOON - timedelta(seconds=20)}])
    assert hint() == (
        "no window is closed: the next one is once telemetry of 11:59:54 UTC has arrived"
    )
    publish(api.parts.store, 1, [NOON - timedelta(seconds=30)], NOON)
    assert hint() == (
        "windows are closed until 11:59:40 UTC: the next one is once telemetry of 11:59:54 UTC has arrived"
    )
    publish(api.parts.store, 2, [NOON - timedelta(seconds=20)], NOON)
    assert hint() == nothing


def test_what_was_proven_when_the_data_ended_proves_nothing_long_after(api: Asked) -> None:
    """Silence is not health: what is live since then is not known."""
    store = api.parts.store
    write_ramp(store, BEGIN, NOON - timedelta(minutes=20), generation=1)

    def may() -> dict[str, Any]:
        return dict(api.get("/v1/can-i-deploy?service=ledger&version=5&to=production").json())

    old = may()
    assert ({it["word"] for it in old["pairs"]}, old["exit_code"]) == ({"proven"}, 2)
    (note,) = [it for it in old["notes"] if it["code"] == "deploy_data_old"]
    assert "the newest closed window ended 20 min ago" in note["text"]
    assert (old["data_age_seconds"], old["at"]) == (1200, old["data_until"])

    # other services go on, and this one is silent: told, and not held against its pairs
    write(store, "sightings", [sighting(NOON - timedelta(seconds=10), "web", "1", 9)])
    publish(store, 1, [NOON - timedelta(seconds=10)], NOON)
    silent = may()
    assert silent["exit_code"] == 0
    assert silent["data_age_seconds"] == 0
    codes = {it["code"] for it in silent["notes"]}
    assert ("deploy_place_silent" in codes, "deploy_data_old" in codes) == (True, False)


def test_with_no_window_closed_nothing_tells_how_old_the_data_is(api: Asked) -> None:
    told = api.get("/v1/can-i-deploy?service=ledger&version=5&to=production").json()
    assert (told["data_until"], told["data_age_seconds"], told["exit_code"]) == (None, None, 2)


def test_what_a_person_accepted_breaks_no_pair_and_is_told(api: Asked) -> None:
    write_shop_day(api.parts.store)
    _, root = write_judgement(api.parts.engine)

    def worst() -> tuple[dict[str, Any], dict[str, Any]]:
        may = api.get("/v1/can-i-deploy?service=payment&version=2.0.0&to=production").json()
        return pair(asked(api), "checkout 3.1.0", "payment 2.0.0"), may

    broken, may = worst()
    assert (broken["word"], may["exit_code"]) == ("broken", 1)
    page = api.get("/ramps/view?service=payment", headers={"accept": "text/html"}).text
    assert f'<a href="/findings/{root}">finding {root} is open on it' in page
    lacks = [lack for it in may["pairs"] for lack in it["missing"]]
    told = [lack["text"] for lack in lacks if lack["code"] == "pair_observed_broken"]
    assert any("; finding on violations)" in text for text in told), told
    body = {"owner": "kim", "reason": "known", "expires": (NOON + timedelta(days=1)).isoformat()}
    answer = api.post(f"/v1/findings/{root}/accept", body, api.token("admin"))
    assert answer.status_code == 200, answer.text
    state, may = worst()
    words = {it["code"]: it["text"] for it in state["reasons"]}
    assert "ramp_finding" not in words
    assert f"finding {root}, which somebody accepted, is on it" in words["ramp_finding_accepted"]
    # that more calls fail is said by nobody's finding, and accepted by nobody
    assert (state["word"], may["exit_code"]) == ("unproven", 2)
    assert "ramp_errors_more" in words


def test_a_revision_for_the_version_that_breaks_consumers_breaks_its_pairs(api: Asked) -> None:
    write_ramp(api.parts.store, BEGIN, NOON - timedelta(minutes=10), generation=1)
    token = api.token("contracts:write")
    revisions = (
        ("payments", {"id": {}}, ""),
        ("payments", {"id": {}, "amount": {}}, ""),
        ("others", {"id": {}}, ""),
        ("payments", {"id": {}}, "3.0.0"),
    )
    for name, fields, version in revisions:
        schema = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        document = {
            "openapi": "3.1.0",
            "info": {"title": "pay", "version": "1"},
            "paths": {
                "/pay": {
                    "post": {
                        "responses": {
                            "200": {
                                "description": "",
                                "content": {"application/json": {"schema": schema}},
                            }
                        }
                    }
                }
            },
        }
        body = {
            "name": name,
            "provider": "payment" if name == "payments" else name,
            "provider_version": version,
            "effective_from": BEGIN.isoformat(),
            "document": json.dumps(document),
        }
        assert api.post("/v1/contracts", body, token).status_code in (200, 201)
    texts_read: set[tuple[Any, ...]] = set()

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "contract_revisions.document," in statement:
            texts_read.add(tuple(values)[:2])

    event.listen(api.parts.engine, "before_cursor_execute", note)
    told = api.get("/v1/can-i-deploy?service=payment&version=3.0.0&to=production").json()
    event.remove(api.parts.engine, "before_cursor_execute", note)
    assert told["exit_code"] == 1
    (backward,) = [it for it in told["pairs"] if it["direction"] == "backward"]
    assert backward["declared"] == [
        {"contract": "payments", "revision": 3, "word": "breaking", "names": []}
    ]
    # neither what both revisions came after, nor what binds others
    assert texts_read == {("payments", 3), ("payments", 2)}
    assert {it["code"] for it in backward["missing"]} == {
        "pair_never_seen",
        "pair_declared_breaking",
    }


def test_a_pact_proves_a_pair_by_what_was_shown_of_it_and_breaks_it_by_one_example(
    api: Asked,
) -> None:
    middle = NOON - timedelta(minutes=10)
    write_ramp(api.parts.store, BEGIN, middle, generation=1)
    document = pact(interaction("a payment"), interaction("no payment"))
    document |= {"consumer": {"name": "checkout"}, "provider": {"name": "payment"}}
    body = {"name": "checkout-payment", "provider": "payment", "document": json.dumps(document)}
    answer = api.post("/v1/contracts", body, api.token("contracts:write"))
    assert answer.status_code in (200, 201), answer.text

    def backward(version: str) -> dict[str, Any]:
        told = api.get(f"/v1/can-i-deploy?service=payment&version={version}&to=production").json()
        (pair,) = [it for it in told["pairs"] if it["direction"] == "backward"]
        return dict(pair)

    def show(number: int, name: str, version: str, shown: str) -> None:
        row = {
            "source_id": "pacts", "partition": 0, "offset": number, "index": 0, "at": int(middle.timestamp()) - 60,
            "contract": "checkout-payment", "revision": 1, "interaction": name, "shown": shown, "environment": "staging",
            "caller": "checkout", "caller_version": "3.1.0", "callee": "payment", "callee_version": version,
        }  # fmt: skip
        write(api.parts.store, "interactions_shown", [row])

    show(1, "a payment", "3.0.0", "kept")
    unshown = backward("3.0.0")
    assert (unshown["word"], unshown["declared"][0]["word"]) == ("unproven", "incomplete")
    lack = next(it for it in unshown["missing"] if it["code"] == "pair_examples_unshown")
    assert "3.0.0 has not shown 1 examples of checkout-payment: no payment" in lack["text"]
    show(2, "no payment", "3.0.0", "kept")
    assert (backward("3.0.0")["word"], backward("3.0.0")["missing"]) == ("proven", [])
    show(3, "a payment", "3.0.1", "broken")
    broken = backward("3.0.1")
    assert (broken["word"], broken["declared"][0]["names"]) == ("broken", ["a payment"])


def test_where_logs_alone_tell_of_a_ramp_it_says_that_retries_are_not_told(api: Asked) -> None:
    """Calls that were made again of the old version are told by spans, and silence is no answer."""
    given = [
        {"callee": "payment", "callee_version": OLD if place % 3 else NEW, "path": "/payments/7"}
        for place in range(60)
    ]
    batch = Given(records(*given, at=NOON - timedelta(minutes=5)))
    list(api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock))
    closed(api)
    state = asked(api)
    assert {it["version"] for it in state["live"]} == {OLD, NEW}
    assert "ramp_retries_untold" in [it["code"] for it in state["reasons"]]


def test_few_late_calls_without_a_version_are_evidence_for_nobody(api: Asked) -> None:
    store = api.parts.store
    windows = [NOON - timedelta(hours=hour, seconds=10) for hour in range(8)]
    web = ("web", "payment", "http", "POST /pay")
    rows = [
        edge_row(window, 1, web, ("", NEW if number < 3 else OLD), 1, failed=0, not_checked=[])
        for number, window in enumerate(windows)
    ]
    rows.append(edge_row(windows[0], 1, web, ("", ""), 3, failed=1, not_checked=[]))
    write(store, "edge_windows", rows)
    seen = [
        sighting(window, "payment", NEW if number < 3 else OLD, 1)
        for number, window in enumerate(windows)
    ]
    write(store, "sightings", seen)
    publish(store, 1, windows, NOON - timedelta(hours=5))
    state = api.get("/v1/ramps/payment?live_minutes=240").json()
    roles = {it["callee_version"]: (it["role"], it["word"]) for it in state["pairs"]}
    assert roles == {NEW: ("backward", "unproven"), "": ("unordered", "unproven")}
    codes = {reason["code"] for reason in state["reasons"]}
    assert {"ramp_version_untold", "ramp_provisional"} <= codes
    told = api.get(f"/v1/can-i-deploy?service=payment&version={NEW}&to=production").json()
    (pair,) = told["pairs"]
    assert (told["exit_code"], pair["word"], pair["observed"]["failed"]["of"]) == (
        2,
        "unproven",
        3,
    )
    assert pair["observed"]["needed"] > 700


def test_pairs_tell_what_the_new_version_means(api: Asked) -> None:
    """By callers' versions, from marks of answers; a replay counts whole hours only."""
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    first = 0
    for version, caller_version, factor in ((OLD, "3.1.0", 1), (NEW, "3.1.0", 100), (NEW, "3.2.0", 1)):  # fmt: skip
        given = [
            {
                "callee": "payment", "callee_version": version, "caller": "checkout",
                "caller_version": caller_version, "method": "POST", "path": "/pay",
                "response_body": json.dumps({"sum": factor * (12.25 + place % 7)}),
            }
            for place in range(120)
        ]  # fmt: skip
        batch = Given(records(*given, at=RAMP + timedelta(minutes=2), first=first))
        list(
            api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock)
        )
        first += 1_000
    state = asked(api)
    changed = pair(state, "checkout 3.1.0", f"payment {NEW}")
    assert (changed["word"], changed["meaning"]["payloads"]) == ("broken", 120)
    said = [reason["text"] for reason in changed["reasons"]]
    told = "POST /pay response /sum means something else: numbers are about 100 times larger"
    assert any(text.startswith(told) for text in said)
    same = pair(state, "checkout 3.2.0", f"payment {NEW}")
    assert same["meaning"]["changes"] == []
    assert 0 < same["meaning"]["upper"] < 0.2
    assert pair(state, "checkout 3.1.0", f"payment {OLD}")["meaning"] is None
    page = api.get("/ramps/view?service=payment").text
    assert "meaning: 1 place means something else" in page
    assert "not enough payloads: 120 of 2,000" in page
    hour = NOON - timedelta(minutes=1)  # within the hour of the ramp: nothing of it is whole
    assert pair(asked(api, hour), "checkout 3.1.0", f"payment {NEW}")["meaning"] is None


def marked(api: Asked, first: int, count: int = 120, **more: Any) -> None:
    """So many exchanges of the ramp's hour, whose bodies `more` makes by their place."""
    given = [
        {
            name: json.dumps(made(place)) if callable(made) else made
            for name, made in more.items()
        } | {"request_headers": {"content-type": "application/json"}}
        for place in range(count)
    ]  # fmt: skip
    batch = Given(records(*given, at=RAMP + timedelta(minutes=2), first=first))
    list(api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock))


def test_a_version_that_means_something_else_may_not_go_though_its_calls_are_well(
    api: Asked,
) -> None:
    """Broken by what it sends to one partner, proven towards another to which it sends the same,
    and unproven where something else is missing, whatever it means there.
    """
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    sends = {"caller": "payment", "method": "POST", "path": "/book"}
    for first, version, factor in ((0, OLD, 1), (5_000, NEW, 100)):
        whose = sends | {"caller_version": version}
        partners = (("ledger", "5", factor), ("bank.example", "", 1))
        for place, (callee, callee_version, times) in enumerate(partners):
            marked(
                api,
                first + 1_000 * place,
                **whose | {"callee": callee, "callee_version": callee_version},
                request_body=lambda it, times=times: {"sum": times * (12.25 + it % 7)},
            )
        marked(
            api, first + 2_000, caller="checkout", caller_version="3.1.0", callee="payment",
            callee_version=version, response_body=lambda it: {"id": it},
        )  # fmt: skip
    told = api.get(f"/v1/can-i-deploy?service=payment&version={NEW}&to=production").json()
    by_pair = {
        f"{it['caller']} {it['caller_version']} → {it['callee']}": it for it in told["pairs"]
    }
    assert {name: it["word"] for name, it in by_pair.items()} == {
        "checkout 3.1.0 → payment": "proven",
        "checkout 3.2.0 → payment": "unproven",  # GET /pay/{id} was never shown
        f"payment {NEW} → ledger": "broken",
        f"payment {NEW} → bank.example": "proven",
    }
    assert told["exit_code"] == 1
    broken = by_pair[f"payment {NEW} → ledger"]["observed"]
    (change,) = broken["meaning"]["changes"]
    assert (change["place"]["side"], change["place"]["pointer"]) == ("request", "/sum")
    same = by_pair[f"payment {NEW} → bank.example"]["observed"]["meaning"]
    assert (same["payloads"], same["changes"]) == (120, [])
    assert 0 < same["upper"] < 0.3
    answers = by_pair["checkout 3.1.0 → payment"]["observed"]["meaning"]
    assert (answers["payloads"], answers["changes"]) == (120, [])
