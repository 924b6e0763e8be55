"""Pages, API and charts show both words: what callers saw, and what only the provider tells of."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts.wording import word
from monitor.control.findings import save_findings
from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Finding
from tests.detect.traffic import Behaviour, Traffic, cells, deploy, edge, now_after
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON, edge_row, publish, write

PAY = ("checkout", "payment", "http", "POST /pay")
VIEW = "/edges/view?caller=checkout&callee=payment&environment=production&since=30m"


def written(api: Asked, **columns: object) -> None:
    """One window in which 200 calls were made."""
    window = NOON - timedelta(minutes=5)
    row = edge_row(window, 1, PAY, ("3.1.0", "2.0.0"), 200, **columns)
    write(api.parts.store, "edge_windows", [row])
    publish(api.parts.store, 1, [window], NOON)


def text(page: str) -> str:
    """What a reader reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture
def told(api: Asked) -> Asked:
    """Of 200 calls callers saw 4 fail, and the provider tells of 70 more."""
    written(api, failed=74, ok=126, server_error=74, provider_only=[("server_error", 70)])
    return api


def test_the_api_gives_both_words(told: Asked) -> None:
    (row,) = told.get("/v1/edges?by=caller,callee").json()
    assert (row["failed"], row["outcomes"]["server_error"]) == (74, 74)
    assert (row["caller_outcomes"]["server_error"], row["caller_outcomes"]["ok"]) == (4, 196)
    assert row["provider_only"] == {"server_error": 70}


@pytest.mark.parametrize("page", ["/", "/edges"])
def test_the_map_and_the_list_say_how_much_only_the_provider_tells_of(
    told: Asked, page: str
) -> None:
    shown = told.get(f"{page}?since=30m").text
    assert "37.0 %" in shown
    assert "35.0 % by the provider's word only" in shown.replace("&#39;", "'")
    assert "5% of calls or more fail" in shown


def test_the_page_of_an_edge_shows_what_callers_saw_beside_it(told: Asked) -> None:
    shown = text(told.get(VIEW).text)
    assert "Callers saw" in shown
    assert "37.0 % 74 4 server error 70 server error" in shown


def test_calls_that_fail_by_their_code_alone_are_not_shown_as_well(api: Asked) -> None:
    """A server that answers 500 and leaves its span's status unset."""
    written(api, failed=0, ok=100, server_error=60, timeout=40)
    for page in ("/?since=30m", "/edges?since=30m", VIEW):
        assert "50.0 %" in api.get(page).text, page
    assert "5% of calls or more fail" in api.get("/?since=30m").text


def finding() -> Finding:
    rows = cells([Traffic(edge(), new=Behaviour(told=0.35))], 12)
    _, (one_sided,) = judge(deploy(), rows, (), (), JudgeSettings(), now_after(12))
    return replace(one_sided, first_seen=NOON, last_seen=NOON)


def test_a_findings_page_says_whose_word_it_is(api: Asked) -> None:
    one_sided = finding()
    save_findings(api.parts.engine, [one_sided], NOON)
    assert (
        "the provider alone: its callers took these calls for answered"
        in api.get(f"/findings/{one_sided.id}").text
    )
    assert "fails, as only the provider tells" in api.get("/findings").text
    assert api.get(f"/v1/findings/{one_sided.id}").json()["signal"] == "provider_errors"


def test_an_alert_says_whose_word_it_is() -> None:
    one_sided = finding()
    words = word([one_sided], {one_sided.deploy_id: deploy()}, "")
    assert words.severity == "critical"
    assert "provider errors since payment 2.0.0" in words.summary
    assert words.details["told_by"].startswith("the provider only")
