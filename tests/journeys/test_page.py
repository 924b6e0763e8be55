"""The page in a real Chromium: every view at both widths and in both colours, live, by keyboard,
and under hostile names.
"""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from monitor.api.pages.lines import STATES
from monitor.control.outbox import save_book
from monitor.control.store import writing
from monitor.model.alerts import Alert, Tracked
from tests.api.test_publishing import GOOD, recorded
from tests.api.test_publishing import publish as publish_contract
from tests.cli.test_contract_amend import NO_NOTE, OPEN
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.browser import Watched
from tests.fixtures.ramp_hour import BEGIN, write_ramp
from tests.fixtures.shop_day import NOON, ShopDay, edge_row, publish, write, write_judgement

pytestmark = pytest.mark.browser

Open = Callable[..., Watched]
Serve = Callable[..., str]
Day = Callable[..., ShopDay]
ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "dashboards" / "page.png"
BUSY = 100_000  # ms: the first chart waits for its library, on a machine with other work too
EDGE = "/edges/view?caller=checkout&callee=payment&environment=production&since=30m"


@pytest.fixture
def shop(api: Asked, shop_day: Day) -> Asked:
    """The shop's day with the bad deploy, judged."""
    shop_day(minutes=12)
    write_judgement(api.parts.engine)
    return api


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_every_view_fits_and_is_without_trouble(
    shop: Asked, serve: Serve, open_page: Open, width: int, dark: bool
) -> None:
    address = serve(shop.app)
    deploy = shop.get("/v1/deploys?service=payment").json()[0]["id"]
    paths = [
        "/",
        "/edges",
        EDGE,
        "/deploys",
        f"/deploys/{deploy}",
        "/ramps",
        "/ramps/view?service=payment",
        "/findings",
        "/findings/f-root",
        "/violations",
        "/contracts",
        "/uncovered",
        "/workbench",
        "/alerts",
        "/health",
        "/docs",
    ]
    watched = open_page(address, width, dark=dark)
    for path in [*paths, "/sign-in"]:
        watched.page.goto(address + path, wait_until="load")
        if "edges/view" in path or path.startswith("/deploys/"):
            watched.page.wait_for_selector(".plot[data-drawn] > div", timeout=BUSY)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert watched.page.locator("h1").count() == 1, path
        assert watched.page.locator("main").count() == 1, path
    assert watched.troubles == []


def test_the_map_names_the_broken_seam_in_words_and_not_by_colour_alone(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(shop.app)).page
    line = page.get_by_role("link", name="checkout calls payment:")
    assert STATES["broken"][1] in str(line.get_attribute("aria-label"))
    assert str(page.locator(".line-label.broken").text_content()).startswith("✖")
    assert (
        page.get_by_role("link", name="payment, 1.4.2 · 2.0.0, several versions live").count() == 1
    )


def test_the_first_thing_one_reads_is_which_deploy_broke_which_seam_in_which_clause_by_which_figures(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(shop.app)).page
    card = page.locator(".incident")
    assert card.get_by_role("heading").inner_text() == "payment 2.0.0 made 1 seam worse"
    text = card.inner_text()
    for words in (
        "10 min ago by ci@shop",
        "fail",
        "checkout 3.1.0 → payment 2.0.0",
        "POST /pay",
        "breaks its contract payments 3 · POST /pay · response · type · /amount",
        "486 of 3,240 calls; 1.4.2: 76 of 7,560",
        "(follows)",
    ):
        assert words in text, words
    box = card.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900  # before any scrolling


def test_an_alert_names_the_seams_that_it_is_about(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    alert = Alert(
        "seamwatch-1", "firing", "error", "checkout → payment POST /pay: violations since payment 2.0.0 (+1 more)", "production",
        "payment", "", {}, {}, NOON, finding_ids=("f-root", "f-slow", "f-gone", "f-a", "f-b"),
    )  # fmt: skip
    with writing(shop.parts.engine) as connection:
        save_book(connection, {}, {alert.key: Tracked(alert, NOON, NOON, "firing")}, NOON)
    address = serve(shop.app)
    page = open_page(address + "/alerts", 390).page
    assert (
        page.get_by_role("link", name="checkout calls payment breaks its contract").get_attribute(
            "href"
        )
        == "/findings/f-root"
    )
    assert page.get_by_role("link", name="f-gone").count() == 1
    assert page.get_by_text("and 1 more").count() == 1
    heights = page.evaluate(
        "[...document.querySelectorAll('.cards td[data-label]')].map((one) => one.scrollHeight - one.clientHeight)"
    )
    assert max(heights) <= 1  # no label reaches into the next cell


def test_no_table_of_findings_or_edges_is_cut_off_on_a_phone(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    address = serve(shop.app)
    page = open_page(address, 390).page
    for path in ("/", EDGE, "/findings", "/violations?since=1h", "/deploys", "/alerts"):
        page.goto(address + path, wait_until="load")
        cut = page.evaluate(
            "[...document.querySelectorAll('table.cards')].filter((one) => one.parentElement.scrollWidth > one.parentElement.clientWidth).length"
        )
        assert cut == 0, path
    page.goto(address + "/findings", wait_until="load")
    assert page.get_by_text("What is worse").count() == 1  # the header stays for those who listen
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('.cards td[data-label]'), '::before').content"
        )
        == '"What"'
    )


@pytest.mark.long
def test_charts_are_drawn_anew_when_the_reader_turns_to_dark(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    watched = open_page(serve(shop.app) + EDGE)
    page = watched.page
    page.locator(".plot[data-drawn=light]").nth(2).wait_for(timeout=BUSY)
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    page.emulate_media(color_scheme="dark")
    page.locator(".plot[data-drawn=dark]").nth(2).wait_for(timeout=BUSY)
    assert page.locator(".plot > div").count() == 3
    assert page.locator(".waiting").count() == 0
    assert watched.troubles == []


def test_a_chart_that_cannot_be_drawn_says_so(shop: Asked, serve: Serve, open_page: Open) -> None:
    address = serve(shop.app)
    page = open_page(address + "/sign-in").page
    page.route("**/charts/**", lambda route: route.fulfill(status=503, body="no"))
    page.goto(address + EDGE, wait_until="load")
    page.locator(".plot .quiet:not(.waiting)").nth(2).wait_for(timeout=BUSY)
    assert "could not be drawn (503)" in page.locator(".plot").first.inner_text()


def test_from_the_map_to_the_clause_and_the_deploy_by_keyboard_alone(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(shop.app)).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator('.strip a[href="/findings/f-root"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/f-root")
    text = page.locator("main").inner_text()
    assert "payments 3 · POST /pay · response · type · /amount" in text
    page.get_by_role("link", name="payment 2.0.0").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/deploys/*")
    assert "fail" in page.locator(".verdict").inner_text()


def test_an_open_page_renews_itself_when_a_window_is_published(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    watched = open_page(serve(shop.app))
    watched.page.wait_for_selector('#live[data-live="on"]')
    assert watched.page.locator("text=newcomer").count() == 0
    window = NOON - timedelta(seconds=20)
    write(
        shop.parts.store,
        "edge_windows",
        [edge_row(window, 5, ("checkout", "newcomer", "http", "GET /x"), ("1", "1"), 50)],
    )
    publish(shop.parts.store, 5, [window], NOON)
    watched.page.wait_for_selector(".node-name:has-text('newcomer')", timeout=BUSY)
    assert watched.troubles == []


def test_a_page_over_data_that_has_stopped_is_not_live(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    shop.clock.advance(3600)
    watched = open_page(serve(shop.app))
    watched.page.wait_for_selector('#live[data-live="old"]')
    assert "not live: the newest data is 60 min old" in watched.page.locator("#live").inner_text()


def test_a_finding_is_accepted_on_the_page_by_who_signed_in(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    address = serve(shop.app)
    page = open_page(address + "/findings/f-root").page
    assert page.get_by_role("button", name="Accept").count() == 0
    page.goto(address + "/sign-in")
    page.get_by_label("Token").fill(LOCAL_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(address + "/")
    page.goto(address + "/findings/f-root")
    page.get_by_label("Owner").fill("team pay")
    page.get_by_label("Reason").fill("known, fixed on Monday")
    page.get_by_label("Until").fill("2026-12-01")
    page.get_by_role("button", name="Accept").click()
    page.wait_for_selector("text=accepted by team pay")
    assert page.locator(".badge.accepted").count() == 1


def test_the_page_reads_without_scripts(shop: Asked, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(shop.app) + EDGE, scripts=False).page
    text = page.locator("main").inner_text()
    assert "2.0.0" in text
    assert "13" in text
    assert "needs JavaScript" in text


def test_an_empty_page_says_what_to_do(api: Asked, serve: Serve, open_page: Open) -> None:
    watched = open_page(serve(api.app))
    assert "seamwatch replay" in watched.page.locator("main").inner_text()
    assert watched.troubles == []


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'-alert(3)-'",
    "javascript:alert(4)",
    "new\nline\rand\ttab",
    "\u202egnp.exe\u2066",
    "{{ 7*7 }}{% raw %}",
    "../../etc/passwd?x=1#y&z=2",
    "</title></svg><style>*{display:none}</style>",
    "x" * 10_000,
    "\x00\ufffe\U0001f4a3",
]


def test_hostile_names_are_shown_and_never_obeyed(
    api: Asked, serve: Serve, open_page: Open
) -> None:
    store, window = api.parts.store, NOON - timedelta(seconds=20)
    write(store, "edge_windows", [
        edge_row(window, 1, (name, HOSTILE[number - 1], "http", f"GET {name}"), (name, HOSTILE[number - 1]), 100, environment="production")
        for number, name in enumerate(HOSTILE)
    ])  # fmt: skip
    write(store, "sightings", [
        {"window": window, "generation": 1, "environment": "production", "namespace": "", "service": name, "version": name, "instance": name,
         "spans": 5, "server_calls": 5, "failed": 0} for name in HOSTILE
    ])  # fmt: skip
    write(store, "violations", [
        {"window": window, "source_id": "s", "partition": 0, "offset": n, "index": 0, "fingerprint": name, "contract": name, "revision": 1, "operation": name,
         "side": "response", "rule": name, "pointer": name, "clause": name, "expected": name, "actual": name, "environment": "production", "caller": name,
         "caller_version": name, "callee": HOSTILE[n - 1], "callee_version": name, "trace": b"1" * 16, "has_trace": 1, "status": 200, "at": window}
        for n, name in enumerate(HOSTILE)
    ])  # fmt: skip
    write(store, "rejects", [
        {"source_id": name, "topic": name, "partition": 0, "offset": n, "reason": name, "detail": name, "payload_hash": "", "payload_bytes": 1, "count": 1, "whole": 1}
        for n, name in enumerate(HOSTILE)
    ])  # fmt: skip
    publish(store, 1, [window], NOON)
    deploys = [
        api.post("/v1/deploys", {"service": name[:900], "version": name[:900], "environment": "production", "actor": name[:900], "url": f"javascript:{name[:200]}"}, LOCAL_TOKEN)
        for name in HOSTILE if name.strip("\x00")
    ]  # fmt: skip
    address = serve(api.app)
    watched = open_page(address)
    paths = [
        "/",
        "/edges",
        "/deploys",
        "/violations?since=1h",
        "/health",
        "/contracts",
        *(f"/deploys/{made.json()['id']}" for made in deploys[:4] if made.is_success),
    ]
    for number, name in enumerate(HOSTILE):
        before = quote(HOSTILE[number - 1], safe="")
        # as the caller of one page or the callee of another: a chart takes a second
        if number % 2:
            paths.append(
                f"/edges/view?caller={quote(name, safe='')}&callee={before}&environment=production"
            )
        if number % 3 == 0:
            paths.append(f"/edges?service={quote(name, safe='')}")
    for path in paths:
        answer = watched.page.goto(address + path, wait_until="load")
        assert answer is not None
        assert answer.status == 200, path[:80]
        assert watched.page.locator("h1").is_visible(), path[:80]
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 1280, path[:80]
        assert watched.page.locator("main script, main img, main iframe").count() == 0, path[:80]
        # charts bring styles of their own, each in a shadow root, which this does not look into
        assert watched.page.evaluate("document.querySelectorAll('main style').length") == 0, path[
            :80
        ]
        assert watched.page.locator('a[href^="javascript:"]').count() == 0, path[:80]
    assert watched.troubles == []


def test_the_readmes_picture_is_of_this_page(shop: Asked, serve: Serve, open_page: Open) -> None:
    """Taken anew with SEAMWATCH_TEST_PICTURE=1."""
    watched = open_page(serve(shop.app))
    watched.page.wait_for_selector(".line-label.broken")
    taken = watched.page.screenshot()
    if os.environ.get("SEAMWATCH_TEST_PICTURE"):
        PICTURE.write_bytes(taken)
    kept = PICTURE.read_bytes()
    assert kept[:24] == taken[:24], "a PNG of the same width and height"
    assert 20_000 < len(kept) < 200_000
    assert "dashboards/page.png" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_ramp_plays_as_a_film_with_the_matrix_at_each_step(
    api: Asked, serve: Serve, open_page: Open
) -> None:
    write_ramp(api.parts.store, BEGIN, NOON, generation=1)
    watched = open_page(serve(api.app))
    page = watched.page
    page.goto(page.url + "ramps", wait_until="load")
    page.get_by_role("link", name="payment").click()
    page.wait_for_selector(".matrix")
    assert "backward compatibility" in page.locator(".matrix").first.inner_text()
    newest = page.locator("#at").inner_text()
    page.get_by_role("link", name="Begin").click()
    page.wait_for_function(
        "was => document.getElementById('at').innerText !== was", arg=newest, timeout=BUSY
    )
    begin = page.locator("#at").inner_text()
    assert begin < newest
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "was => document.getElementById('at').innerText !== was", arg=begin, timeout=BUSY
    )
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Play").wait_for()
    last = page.locator("[data-seek]").get_attribute("max")
    page.locator("[data-seek]").fill(str(last))
    page.wait_for_function(
        "now => document.getElementById('at').innerText === now", arg=newest, timeout=BUSY
    )
    assert "moved back" in page.locator("#film").inner_text().lower()

    # by the keyboard alone: from where it stands, and the focus stays where it was
    page.locator("[data-seek]").focus()
    page.keyboard.press("Home")
    page.wait_for_function(
        "now => document.getElementById('at').innerText === now", arg=begin, timeout=BUSY
    )
    page.get_by_role("link", name="Later").focus()
    seen = [begin]
    for _ in range(2):
        page.keyboard.press("Enter")
        page.wait_for_function(
            "was => document.getElementById('at').innerText > was", arg=seen[-1], timeout=BUSY
        )
        seen.append(page.locator("#at").inner_text())
        assert page.evaluate("document.activeElement.innerText") == "Later"
    assert page.locator("[data-seek]").get_attribute("aria-valuetext") == seen[-1]
    now = page.locator("#at").get_attribute("datetime")
    assert f"seamwatch ramp payment --at {now}" in page.locator("#film").inner_text()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "now => document.getElementById('at').innerText === now", arg=seen[1], timeout=BUSY
    )
    assert watched.troubles == []


def test_a_person_judges_a_change_and_approves_it(
    api: Asked, serve: Serve, open_page: Open, tmp_path: Path
) -> None:
    publish_contract(api, OPEN)
    recorded(api, *([{"response_body": json.dumps(GOOD | {"note": "x"})}] * 40))
    (tmp_path / "new.yaml").write_text(NO_NOTE)
    address = serve(api.app)
    watched = open_page(address, 390)
    page = watched.page
    page.goto(f"{address}/contracts/payments")
    page.get_by_role("link", name="propose a change").click()
    page.get_by_role("link", name="sign in").first.click()
    page.get_by_label("Token").fill(api.token("read", "contracts:write"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("File").set_input_files(tmp_path / "new.yaml")
    page.get_by_role("button", name="Judge").click()
    assert "breaking" in page.get_by_role("heading", name="Verdict").inner_text()
    assert "/note" in page.get_by_label("What consumers would lose").inner_text()
    page.wait_for_load_state()  # a click waits for no stylesheet
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Approve").click()
    assert page.locator("h1").inner_text() == "payments revision 2"
    assert page.locator(".document").inner_text().strip() == NO_NOTE.strip()
    assert watched.troubles == []


def test_the_forms_of_the_workbench_are_filled_and_sent_by_keyboard_alone(
    api: Asked, serve: Serve, open_page: Open
) -> None:
    """Tab reaches each field in the order in which they are read, and each has a name; what is
    sent with Enter is judged, and approved for an environment.
    """
    publish_contract(api, OPEN)
    recorded(api, *([{"response_body": json.dumps(GOOD | {"note": "x"})}] * 40))
    watched = open_page(serve(api.app))
    page = watched.page
    page.goto(f"{page.url}contracts/payments")
    focused = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim().split('\\n')[0].trim()"

    def to(label: str) -> list[str]:
        """What Tab comes by on its way to a field or button."""
        passed: list[str] = []
        while not passed or passed[-1] != label:
            page.keyboard.press("Tab")
            passed.append(page.evaluate(focused))
            assert page.evaluate("document.activeElement.matches(':focus-visible')"), passed
            assert len(passed) < 80, passed
        return passed

    to("propose a change")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workbench*")
    to("sign in")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in*")
    to("Token")
    page.keyboard.type(api.token("read", "contracts:write"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/workbench*")
    to("Contract")
    assert to("or text")[:1] == ["File"]
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(NO_NOTE)
    to("Live payloads of the last")
    page.keyboard.press("ArrowUp")
    assert to("Judge") == ["Judge"]
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Verdict").wait_for()
    assert "breaking" in page.get_by_role("heading", name="Verdict").inner_text()
    to("Environment")
    page.keyboard.type("production")
    assert [text.split(",")[0] for text in to("Approve")] == [
        "In force from",
        "or from the deploy of version",
        "Approve",
    ]
    page.keyboard.press("Enter")
    page.wait_for_url("**/contracts/**")
    assert page.locator("h1").inner_text() == "payments revision 2"
    assert watched.troubles == []


def test_how_old_the_data_is_can_be_read_on_a_phone(
    shop: Asked, serve: Serve, open_page: Open
) -> None:
    shop.clock.advance(3 * 3600)
    page = open_page(serve(shop.app), 380, dark=True).page
    told = page.locator(".live-text")
    page.locator("#live[data-live=old]").wait_for(timeout=BUSY)
    assert (told.text_content() or "").startswith("not live")
    box = "element => [element.scrollWidth - element.clientWidth, element.scrollHeight - element.clientHeight]"
    assert told.evaluate(box) == [0, 0], told.text_content()
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
