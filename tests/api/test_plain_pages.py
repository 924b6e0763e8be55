"""What pages say is plain and true: each tells the same newest data, a zone stands beside each time,
and what is not known is not told as good.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.control.findings import list_findings, save_findings
from monitor.model.ramps import Dose
from monitor.wording.ramps import dose_text
from tests.api.test_publishing import publish as publish_contract
from tests.api.test_publishing import recorded
from tests.cli.test_contract_amend import NO_NOTE, OPEN
from tests.fixtures.api import Asked
from tests.fixtures.ramp_hour import BEGIN, write_ramp
from tests.fixtures.shop_day import (
    NOON,
    edge_row,
    publish,
    write,
    write_judgement,
    write_shop_day,
)

HTML = {"accept": "text/html"}
PAGES = (
    "/ /edges /edges/view?caller=checkout&callee=payment /deploys /ramps /findings /findings/f-root /violations "
    "/contracts /uncovered /workbench /matrix /alerts /health /docs"
).split()
NO_ZONE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?! UTC)")


def seen(page: str) -> str:
    """What a person reads of it: no tags, and so no attributes."""
    return re.sub(r"<[^>]*>", " ", page)


def test_every_page_tells_the_same_newest_data_and_a_zone_with_each_time(api: Asked) -> None:
    write_shop_day(api.parts.store, minutes=4)
    write_judgement(api.parts.engine)
    deploy = api.get("/v1/deploys?service=payment").json()[0]["id"]
    for path in [*PAGES, f"/deploys/{deploy}"]:
        answer = api.get(path, headers=HTML)
        assert answer.status_code == 200, path
        assert re.findall('data-newest="([^"]*)"', answer.text) == ["2026-11-21T12:00:00Z"], path
        assert NO_ZONE.findall(seen(answer.text)) == [], path
        assert "never UTC" not in answer.text, path


def test_a_page_of_a_ramp_tells_the_zone_of_each_time_and_whole_minutes(api: Asked) -> None:
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    page = api.get("/ramps/view?service=payment", headers=HTML)
    assert page.status_code == 200
    text = seen(page.text)
    assert "Two or more versions since" in text
    assert NO_ZONE.findall(text) == []
    assert "Dose" not in text
    assert "failures of old versions do not rise with the new one's share" in text.replace(
        "&#39;", "'"
    )


@pytest.mark.parametrize(
    ("levels", "rises", "text"),
    [
        (3, True, "failures of old versions rise with the new one's share, web → payment"),
        (3, False, "failures of old versions do not rise with the new one's share, web → payment"),
        (
            2,
            False,
            "whether failures of old versions rise with the new one's share, web → payment, is not told yet: 2 of 3 shares seen",
        ),
    ],
)
def test_what_shares_tell_of_old_failures_is_one_sentence(
    levels: int, rises: bool, text: str
) -> None:
    assert dose_text(Dose("web", "payment", levels, 0.0, 0.0, 0.0, rises)) == text


def calls(api: Asked, *rows: dict[str, object]) -> None:
    """A minute of calls, published."""
    window = NOON - timedelta(minutes=1)
    edges = [
        edge_row(window, 1, ("web", f"s{place}", "http", "GET /"), ("1", "1"), 100, **row)  # type: ignore[arg-type]
        for place, row in enumerate(rows)
    ]
    write(api.parts.store, "edge_windows", edges)
    publish(api.parts.store, 1, [window], NOON)


def test_a_map_whose_seams_break_contracts_does_not_say_that_nothing_is_worse(api: Asked) -> None:
    calls(api, {"violated": 40, "valid": 60}, {})
    text = seen(api.get("/").text)
    assert "Nothing is known to be worse" not in text
    assert "No deploy is blamed. 1 seam below breaks its contract or fails often" in text


def test_a_map_without_trouble_says_so(api: Asked) -> None:
    calls(api, {"failed": 0}, {"failed": 0})
    text = seen(api.get("/").text)
    assert "Nothing is known to be worse" in text
    assert "No deploy is blamed" not in text


def test_a_deploy_after_the_newest_data_is_not_told_to_have_no_traffic(api: Asked) -> None:
    calls(api, {})
    for version, at in (("early", NOON - timedelta(minutes=10)), ("late", NOON)):
        body = {
            "service": "s0",
            "version": version,
            "environment": "production",
            "state": "succeeded",
            "at": at.isoformat(),
        }
        assert api.post("/v1/deploys", body, api.token("ingest")).is_success
    rows = api.get("/deploys", headers=HTML).text.split("<tr>")
    (late,) = [seen(row) for row in rows if ">late</bdi></a>" in row]
    (early,) = [seen(row) for row in rows if ">early</bdi></a>" in row]
    assert "not told yet: the data ends before it" in late
    assert "no traffic" not in late
    assert "none seen" in early


def test_a_workbench_tells_whom_and_what_became_of_a_field(api: Asked) -> None:
    publish_contract(api, OPEN)
    recorded(api, *([{}] * 40))
    answer = api.request(
        "POST",
        "/workbench",
        api.token("read", "contracts:write"),
        data={"contract": "payments", "hours": "24"},
        files={"file": ("new.yaml", NO_NOTE.encode())},
        headers=HTML,
    )
    rows = [
        seen(row)
        for row in answer.text.partition("<h3>Changes</h3>")[2].split("<tr>")
        if "/note" in row
    ]
    assert any(re.search(r"/note\s+property went", row) for row in rows), rows
    assert all("re" in row.partition("/note")[0] for row in rows), rows


def test_a_wrong_parameter_names_the_one_that_is_there(api: Asked) -> None:
    fault = api.get("/v1/contracts/payments?service=x").json()["error"]
    assert fault["do"] == "use revision"


def test_a_finding_of_all_callers_over_time_does_not_say_that_versions_are_untold(
    api: Asked,
) -> None:
    write_judgement(api.parts.engine)
    (root,) = [one for one in list_findings(api.parts.engine) if one.id == "f-root"]
    save_findings(
        api.parts.engine,
        [replace(root, caller_version="", against_version="", strength="weaker")],
        NOON,
    )
    for path in ("/findings", "/findings/f-root"):
        text = " ".join(seen(api.get(path).text).split())
        assert "any version → 2.0.0" in text, path
        assert "against what was before" in text, path
        assert "no version → 2.0.0" not in text, path


def test_where_the_data_is_old_no_deploy_is_told_to_have_no_traffic_now(api: Asked) -> None:
    calls(api, {})
    body = {
        "service": "s0",
        "version": "2",
        "environment": "production",
        "state": "succeeded",
        "at": (NOON - timedelta(minutes=30)).isoformat(),
    }
    assert api.post("/v1/deploys", body, api.token("ingest")).is_success
    assert "no traffic" in seen(api.get("/deploys", headers=HTML).text)
    api.clock.advance(3600)
    text = seen(api.get("/deploys", headers=HTML).text)
    assert "no traffic" not in text
    assert "not told: no data of the last 15 min" in text


def test_a_list_of_contracts_tells_how_much_was_checked(api: Asked) -> None:
    """That nothing was seen to break a contract looked alike where nothing was checked."""
    at = NOON - timedelta(minutes=2)

    def row(caller: str, callee: str, protocol: str = "http", **more: Any) -> dict[str, Any]:
        return edge_row(at, 1, (caller, callee, protocol, "it"), ("1", "1"), 40, **more)

    edges = [
        row("web", "payment", callee_namespace="shop", valid=30, violated=2),
        row("till", "payment", valid=5),
        row("payment", "mail", "messaging", valid=7),
        row("web", "ledger", valid=11),
    ]
    write(api.parts.store, "edge_windows", edges)
    publish(api.parts.store, 1, [at], NOON)
    for name, provider in (("all", "payment"), ("own", "shop/payment"), ("none", "orders")):
        publish_contract(api, OPEN, name=name, provider=provider)
    rows = [seen(row).split() for row in api.get("/contracts", headers=HTML).text.split("<tr>")]
    told = {row[0]: row[row.index("always") + 1] for row in rows if "always" in row}
    assert told == {"all": "44", "own": "32", "none": "nothing"}
