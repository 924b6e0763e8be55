"""A contract is inferred from what was live: it says no more than was seen often enough, the
traffic that it came from keeps it, and so does other traffic of the same service.
"""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from monitor.cli.contract_check import held_against
from monitor.cli.contract_infer import Wanted, infer
from monitor.config import Settings
from monitor.contracts.registry import Registry
from monitor.decode.topic_records import Parties
from monitor.errors import UsageError
from monitor.model.records import Partition
from pipelines.api_logs import ApiLogSettings, api_logs
from pipelines.messages import MessageSettings, messages
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.ledger_service import calls
from tests.fixtures.shop_day import NOON
from tests.fixtures.spans import T0
from tests.pipelines.test_examples_shown import Given
from tests.pipelines.test_examples_shown import records as orders_records
from tests.pipelines.test_topic_records import batch


class There:
    """The API as the command asks it."""

    def __init__(self, api: Asked) -> None:
        self._api = api

    def get(self, path: str, **params: Any) -> Any:
        given = {name: value for name, value in params.items() if value is not None}
        answer = self._api.get(path, LOCAL_TOKEN, params=given)
        assert answer.status_code == 200, answer.text
        return answer.json()


def live(api: Asked, exchanges: list[dict[str, Any]], words: frozenset[str] = frozenset()) -> None:
    settings = ApiLogSettings(format="ndjson", words=words)
    for first in range(0, len(exchanges), 2_000):
        at = NOON - timedelta(hours=4) + timedelta(seconds=first)
        some = Given(orders_records(*exchanges[first : first + 2_000], at=at, first=first))
        list(api_logs(some, api.parts.store, Registry, settings, api.clock))


def checked(
    folder: Path,
    contracts: list[Path],
    exchanges: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> dict[str, Any]:
    """What `contracts check` tells of this traffic."""
    file = folder / "traffic.ndjson"
    file.write_text(
        "".join(json.dumps({"time": "2026-11-21T10:00:00Z"} | call) + "\n" for call in exchanges)
    )
    capsys.readouterr()
    held_against([file], list(map(str, contracts)), "auto", Settings(), "json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def wanted(form: str, edge: str = "", sure: float = 0.01) -> Wanted:
    return Wanted("ledger", edge, None, "7d", form, sure)


def test_what_bears_the_type_of_json_and_is_none_keeps_what_was_inferred_of_it(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = 402  # of fewer, one that is no JSON may not have been seen
    bodies = {
        "/up": ("OK",),
        "/lines": ('{"a": 1}\n{"a": 2}\n',),
        "/busy": ('{"a": 1}', '{"a": 1}', "<html>busy</html>"),
        "/plain": ('{"a": 1}',),
    }
    seen = [
        {"method": "GET", "path": path, "status": 200, "caller": "web", "callee": "ledger"}
        | {"response_headers": {"content-type": "application/json"}}
        | {"response_body": told[at % len(told)]}
        for at in range(many)
        for path, told in bodies.items()
    ]
    live(api, seen)
    file = tmp_path / "ledger.json"
    assert infer(There(api), wanted("openapi"), file) == 0
    capsys.readouterr()
    document = json.loads(file.read_text())
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type]
    content = {
        path: held["get"]["responses"]["200"]["content"]["application/json"]
        for path, held in document["paths"].items()
    }
    marked = [path for path, held in content.items() if held.get("x-seamwatch-may-be-text")]
    assert sorted(marked) == ["/busy", "/lines", "/up"]
    assert "schema" in content["/busy"]
    report = checked(tmp_path, [file], seen, capsys)["summary"]
    assert (report["violated"], report["result"]) == (0, "kept")
    assert report["reasons"] == {"media_type": many + many + many // 3}
    broken = [call | {"response_body": '{"a": "x"}'} for call in seen if call["path"] == "/busy"]
    assert checked(tmp_path, [file], broken, capsys)["summary"]["rules"] == {"type": many}
    other = [call | {"response_body": "OK"} for call in seen if call["path"] == "/plain"]
    assert checked(tmp_path, [file], other, capsys)["summary"]["rules"] == {"not_json": many}


def answered(path: str, body: str) -> dict[str, Any]:
    """A call of the ledger by its web page, answered with this body."""
    call = {"method": "GET", "path": path, "status": 200, "caller": "web", "callee": "ledger"}
    headers = {"content-type": "application/json"}
    return call | {"response_headers": headers, "response_body": body}


def test_a_recording_of_more_operations_than_are_told_apart_does_not_claim_to_list_all(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = "abcdefghij"
    words = [f"{first}{then}{last}" for first in letters for then in letters for last in letters]
    words += ["beyond", "further", "last"]
    seen = [answered(f"/{word}", json.dumps({word: 1})) for word in words]
    live(api, seen)
    file = tmp_path / "ledger.json"
    assert infer(There(api), wanted("openapi"), file) == 0
    assert "left out: __other__: " in capsys.readouterr().err
    document = json.loads(file.read_text())
    assert "/last" not in document["paths"]
    assert document["x-seamwatch-operations"] == "partial"
    report = checked(tmp_path, [file], seen, capsys)["summary"]
    assert (report["violated"], report["result"]) == (0, "kept")
    body = {"name": "ledger", "provider": "ledger", "format": "openapi"}
    told = api.post("/v1/contracts", body | {"document": file.read_text()}, LOCAL_TOKEN)
    assert told.status_code == 201, told.text
    left = {(line["pointer"], line["kind"]) for line in told.json()["judged"]["remarks"]}
    assert left == {("/x-seamwatch-operations", "unjudged")}
    assert api.get("/v1/contracts/ledger/coverage", LOCAL_TOKEN).json()["partial"] is True


def test_a_recording_of_one_operation_says_nothing_of_others(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = [answered(path, '{"a": 1}') for path in ("/up", "/busy")] * 10
    live(api, seen)
    part, whole = tmp_path / "up.json", tmp_path / "all.json"
    assert infer(There(api), wanted("openapi", "* GET /up"), part) == 0
    assert checked(tmp_path, [part], seen, capsys)["summary"]["violated"] == 0
    assert infer(There(api), wanted("openapi"), whole) == 0
    assert "x-seamwatch-operations" not in json.loads(whole.read_text())
    other = [*seen, answered("/new", '{"a": 1}')]
    rules = checked(tmp_path, [whole], other, capsys)["summary"]["rules"]
    assert rules == {"undocumented_operation": 1}


def test_where_little_was_seen_nobody_is_held_to_it(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two calls of an operation among many that are known: another status, a null, another
    operation are no violation, in no form.
    """
    often = [answered("/up", '{"a": 1}')] * 80
    seen = [*often, *[answered("/jobs/{id}", '{"a": {"b": 1}}')] * 2, answered("/once", "[]")]
    live(api, seen)
    other = [
        answered("/jobs/7", '{"a": null}'),
        answered("/jobs/7", '{"a": {"b": "x"}}'),
        answered("/jobs/7", "{}") | {"status": 202},
        answered("/jobs/7", '{"why": 1}') | {"status": 409},
        answered("/new", "[]"),
    ]
    broken = [answered("/up", '{"a": 1}') | {"status": 201}]
    for form in ("openapi", "json-schema", "pact", "wiremock", "mountebank"):
        folder = tmp_path / form
        folder.mkdir()
        assert infer(There(api), wanted(form), folder) == 0
        for traffic in (seen, other):
            report = checked(tmp_path, [folder], traffic, capsys)["summary"]
            assert report["violated"] == 0, (form, report)
        if form != "json-schema":  # a schema says nothing of statuses
            assert checked(tmp_path, [folder], broken, capsys)["summary"]["violated"] == 1, form


def test_a_schema_of_a_template_is_not_that_of_a_path_that_fits_it(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = [answered("/teams/{id}", '{"a": 1}')] * 30 + [answered("/teams/sync", "[1]")] * 30
    live(api, seen)
    folder = tmp_path / "schemas"
    assert infer(There(api), wanted("json-schema"), folder) == 0
    bound = json.loads((folder / "GET-teams-id-200.json").read_text())["x-seamwatch"]
    assert bound["except"] == ["/teams/sync"]
    calls = [answered("/teams/7", '{"a": 1}'), answered("/teams/sync", "[1]")]
    assert checked(tmp_path, [folder], calls, capsys)["summary"]["valid"] == 2
    broken = [answered("/teams/7", "[1]"), answered("/teams/sync", '{"a": 1}')]
    assert checked(tmp_path, [folder], broken, capsys)["summary"]["violated"] == 2
    file = folder / "GET-teams-id-200.json"
    text = re.sub(r"\[\s*\"/teams/sync\"\s*\]", '"/teams/sync"', file.read_text())
    body = {"name": "teams", "provider": "ledger", "format": "jsonschema", "document": text}
    refused = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert (refused.status_code, "no list of paths" in refused.text) == (422, True)


@pytest.mark.parametrize("form", ["openapi", "json-schema", "pact"])
def test_where_a_key_stood_twice_the_recording_is_kept(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    bodies = ['{"a": 1, "b": 2}'] * 9 + ['{"a": 1, "b": 2, "a": 3}']
    seen = [answered("/up", bodies[at % 10]) for at in range(60)]
    live(api, seen)
    file = tmp_path / "ledger.json"
    assert infer(There(api), wanted(form), file) == 0
    report = checked(tmp_path, [file], seen, capsys)["summary"]
    assert report["violated"] == 0, report
    if form != "pact":  # which tells the status alone
        broken = [answered("/up", '{"a": "x"}')]
        assert checked(tmp_path, [file], broken, capsys)["summary"]["rules"] == {"type": 1}


SIZES = (800, 400), pytest.param(6_000, 20_000, marks=pytest.mark.long)


@pytest.mark.parametrize(("count", "more"), SIZES)
def test_what_was_live_keeps_it_and_so_does_what_comes_after(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, more: int
) -> None:
    seen, later = list(calls(count, 1)), list(calls(more, 2))
    live(api, seen)
    file = tmp_path / "ledger.json"
    assert infer(There(api), wanted("openapi"), file) == 0
    told = capsys.readouterr().err
    assert "left out: GET /wp-login.php: no call of it was answered with success" in told
    document = json.loads(file.read_text())
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type]
    assert sorted(document["paths"]) == [
        "/entries", "/entries/{id}", "/health", "/payments/{id}", "/people/{name}/rates",
    ]  # fmt: skip
    answers = document["paths"]["/entries/{id}"]["get"]["responses"]
    assert sorted(answers) == ["200", "404"]
    entry = answers["200"]["content"]["application/json"]["schema"]
    assert set(entry["required"]) == {
        "id", "amount", "at", "payer", "key", "balances", "lines",
    }  # fmt: skip
    fields = entry["properties"]
    assert (fields["id"]["type"], fields["amount"]["type"]) == ("integer", "number")
    assert (fields["at"]["format"], fields["key"]["format"]) == ("date-time", "uuid")
    assert fields["payer"]["type"] == ["object", "null"]
    assert fields["balances"]["additionalProperties"] == {"type": "number"}
    noted = fields["note"]["x-seamwatch-evidence"]
    assert 0 < noted["seen"] < noted["of"] / 2
    assert noted["otherwise_at_most"] > 3 / noted["seen"]
    # of what was seen less often nothing is said to be there always
    assert "required" not in answers["404"]["content"]["application/problem+json"]["schema"]
    assert answers["404"]["x-seamwatch-may-be-empty"] is True
    values = ("ada", "of the caller", "EUR", "2026")
    assert [value for value in values if value in file.read_text()] == []

    report = checked(tmp_path, [file], seen, capsys)["summary"]
    assert (report["violated"], report["result"]) == (0, "kept")
    assert set(report["reasons"]) == {"not_offered"}
    report = checked(tmp_path, [file], later, capsys)
    assert report["summary"]["violated"] <= more / 1_000, report["violations"][:5]

    broken = [dict(call) for call in later[:200]]
    for call in broken:
        if call["path"].startswith("/entries/") and call["status"] == 200:
            call["response_body"] = (call["response_body"] or "").replace('"amount"', '"sum"')
    assert checked(tmp_path, [file], broken, capsys)["summary"]["rules"]["required"] > 50

    # one schema for each payload; what may be empty has none
    folder = tmp_path / "schemas"
    assert infer(There(api), wanted("json-schema"), folder) == 0
    assert {file.stem for file in folder.iterdir()} == {
        "GET-entries-200", "GET-entries-id-200", "GET-health-200", "GET-payments-id-200",
        "GET-payments-id-404", "GET-people-name-rates-200",
        "POST-entries-201", "POST-entries-422", "POST-entries-request",
    }  # fmt: skip
    report = checked(tmp_path, [folder], seen[:300], capsys)["summary"]
    assert (report["violated"], report["result"]) == (0, "kept")
    with pytest.raises(UsageError, match="give -o a folder"):
        infer(There(api), wanted("json-schema"), None)
    capsys.readouterr()
    assert infer(There(api), wanted("json-schema", "ios GET /entries/{id}"), None) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["x-seamwatch"] == {
        "operation": "GET /entries/{id}", "side": "response", "status": "200",
    }  # fmt: skip
    payloads = alone["x-seamwatch-evidence"]["payloads"]
    assert payloads < entry["x-seamwatch-evidence"]["payloads"]


def test_examples_of_what_was_live_are_kept_too(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a pact of each consumer, as stubs, and as an imposter; and they are broken by what would
    break consumers.
    """
    seen, later = list(calls(600, 1)), list(calls(300, 2))
    broken = [dict(call) for call in later]
    for call in broken:
        call["response_body"] = (call["response_body"] or "").replace('"amount"', '"sum"')
    live(api, seen)
    for form in ("pact", "wiremock", "mountebank"):
        written = tmp_path / form
        assert infer(There(api), wanted(form, sure=0.05), written) == 0
        for traffic in (seen[:300], later):
            report = checked(tmp_path, [written], traffic, capsys)["summary"]
            assert (report["violated"], report["result"]) == (0, "kept")
            assert report["valid"] > 0.9 * len(traffic)
        assert checked(tmp_path, [written], broken, capsys)["summary"]["violated"] > 100
    assert {file.name for file in (tmp_path / "pact").iterdir()} == {
        "ios-ledger.json", "web-ledger.json",
    }  # fmt: skip
    pact = json.loads((tmp_path / "pact" / "web-ledger.json").read_text())
    assert pact["metadata"] == {"pactSpecification": {"version": "4.0"}}
    bodies = [it["response"]["body"] for it in pact["interactions"] if "body" in it["response"]]
    # what the fourth version's own schema asks of a body
    members = {"content", "contentType", "contentTypeHint", "encoded"}
    assert {frozenset(body) for body in bodies} == {frozenset(members)}


def test_what_is_sent_to_topics_is_told_of_its_sender(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    booked = [{"id": count, "late": None if count % 3 else "x"} for count in range(400)]
    sent = batch(*booked, place=Partition("cd" * 8, "booked", 0), at=NOON.timestamp() - T0 - 3600)
    known = MessageSettings(Parties({"booked": "ledger"}, {"booked": "mail"}))
    list(messages(Given(sent), api.parts.store, Registry, known, api.clock))
    file = tmp_path / "ledger.json"
    assert infer(There(api), wanted("asyncapi"), file) == 0
    document = json.loads(file.read_text())
    (channel,) = document["channels"].values()
    (told,) = channel["messages"].values()
    assert (channel["address"], told["payload"]["required"]) == ("booked", ["id", "late"])
    assert told["payload"]["properties"]["late"]["type"] == ["string", "null"]
    assert infer(There(api), wanted("json-schema"), tmp_path / "schema.json") == 0
    schema = json.loads((tmp_path / "schema.json").read_text())
    assert schema["x-seamwatch"] == {"topic": "booked"}
    lines = [{"topic": "booked", "value": event, "ts": 1_795_252_229_000} for event in booked]
    traffic = tmp_path / "booked.ndjson"
    traffic.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for contract in (file, tmp_path / "schema.json"):
        capsys.readouterr()
        held_against([traffic], [str(contract)], "messages", Settings(), "json")
        summary = json.loads(capsys.readouterr().out)["summary"]
        assert (summary["valid"], summary["exchanges"]) == (400, 400)


def test_words_are_stored_and_listed_where_settings_name_their_pointer(
    api: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"base": "EUR", "quote": "USD"}
    call = {"callee": "ledger", "path": "/rates", "response_body": json.dumps(answer)}
    live(api, [call] * 380, frozenset({"/base"}))
    assert infer(There(api), wanted("json-schema", "* GET /rates"), None) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["properties"]["base"]["enum"] == ["EUR"]
    assert "USD" not in told


def test_of_nobody_nothing_is_inferred(api: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert infer(There(api), wanted("openapi"), None) == 2
    assert "nothing was seen of ledger" in capsys.readouterr().err


def test_a_request_body_is_required_where_each_of_enough_requests_had_one(api: Asked) -> None:
    """A request of which all headers are told, and none speaks of a body, had none."""
    whole = {"content-type": "application/json", "content-length": "8"}
    posted = {"callee": "till", "method": "POST", "status": 201, "response_body": '{"id": 1}'}
    sent = posted | {"request_headers": whole, "request_body": '{"a": 1}'}
    bare = posted | {"request_headers": {"accept": "*/*"}}
    live(
        api,
        [sent | {"path": "/always"}] * 380
        + [sent | {"path": "/seldom"}] * 40
        + [sent | {"path": "/mostly"}] * 380
        + [bare | {"path": "/mostly"}],
    )
    answer = api.get("/v1/recordings", LOCAL_TOKEN, params={"service": "till"})
    assert answer.status_code == 200, answer.text
    paths = json.loads(answer.json()["contracts"][0]["document"])["paths"]
    assert {path: it["post"]["requestBody"]["required"] for path, it in paths.items()} == {
        "/always": True, "/seldom": False, "/mostly": False,
    }  # fmt: skip
