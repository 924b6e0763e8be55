"""A crowd that looks at the same page is shown it once; nobody is shown what was made before they
asked, or for others' eyes.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from monitor.api.faults import ApiError
from monitor.api.sharing import Pages
from monitor.store import Store
from monitor.store.client import Parameters
from tests.fixtures.api import Asked
from tests.fixtures.running import TRUSTED
from tests.fixtures.shop_day import write_shop_day

PEOPLE = 40


class Making:
    """Makes a page when it is let go; the page says which it is."""

    def __init__(self) -> None:
        self.begun, self.go = 0, asyncio.Event()

    async def __call__(self) -> Response:
        self.begun += 1
        number = self.begun
        await self.go.wait()
        return Response(str(number), headers={"x-made": "here"})


async def turns() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_who_comes_while_a_page_is_made_shares_the_next_one() -> None:
    async def story() -> None:
        pages, make = Pages(), Making()
        first = asyncio.create_task(pages.answer("q", make))
        await turns()
        others = [asyncio.create_task(pages.answer("q", make)) for _ in range(PEOPLE)]
        await turns()
        assert make.begun == 1
        make.go.set()
        assert (await first).body == b"1"
        answers = await asyncio.gather(*others)
        assert {answer.body for answer in answers} == {b"2"}
        answers[0].headers["x-made"] = "changed"  # as the guard does with each
        assert answers[1].headers["x-made"] == "here"
        assert (await pages.answer("q", make)).body == b"3"

    asyncio.run(story())


def test_one_who_leaves_takes_the_page_from_nobody_and_a_fault_is_told_to_all() -> None:
    async def story() -> None:
        pages, make = Pages(), Making()
        leaves = asyncio.create_task(pages.answer("q", make))
        stays = asyncio.create_task(pages.answer("q", make))
        await turns()
        leaves.cancel()
        await turns()
        make.go.set()
        assert (await stays).body == b"1"

        async def fails() -> Response:
            await asyncio.sleep(0)
            raise ApiError(503, "away")

        errors = await asyncio.gather(
            *(pages.answer("q", fails) for _ in range(3)), return_exceptions=True
        )
        assert [type(error) for error in errors] == [ApiError] * 3
        assert (await pages.answer("q", make)).body == b"2"

    asyncio.run(story())


def test_a_crowd_costs_the_store_two_looks_and_each_sees_their_own_name(
    api: Asked, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = serve(api.app)
    asked, go = [], threading.Event()
    query = Store.query

    def slow(store: Store, name: str, parameters: Any = None) -> Any:
        if name == "panels/rejects_by_reason":
            asked.append(name)
            assert go.wait(60)
        return query(store, name, parameters)

    monkeypatch.setattr(Store, "query", slow)
    bearer = {"authorization": f"Bearer {api.token('read')}"}

    def page(headers: dict[str, str]) -> str:
        return httpx.get(
            f"{address}/health",
            headers={"accept": "text/html", **headers},
            timeout=60,
            verify=TRUSTED,
        ).text

    with ThreadPoolExecutor(2 * PEOPLE) as pool:
        first = pool.submit(page, {})
        until(lambda: len(asked) == 1)
        others = [pool.submit(page, headers) for _ in range(PEOPLE) for headers in ({}, bearer)]
        # the holder of the token looks too; all the others wait for them
        until(lambda: len(asked) == 2)
        go.set()
        seen = {first.result(60), *(future.result(60) for future in others)}
    assert len(asked) <= 2 * 3
    assert any("token test" in page for page in seen)
    assert any("token test" not in page for page in seen)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, at most a minute."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


@pytest.mark.parametrize(
    "path", ["/", "/deploys", "/findings", "/violations", "/contracts", "/health", "/edges"]
)
def test_a_page_asks_the_store_each_question_once(
    api: Asked, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    write_shop_day(api.parts.store)
    asked: Counter[str] = Counter()
    real = Store.query

    def counted(
        self: Store, name: str, parameters: Parameters | None = None
    ) -> list[dict[str, Any]]:
        asked[f"{name} {sorted((parameters or {}).items())}"] += 1
        return real(self, name, parameters)

    monkeypatch.setattr(Store, "query", counted)
    assert api.get(path, headers={"accept": "text/html"}).status_code == 200
    assert asked
    assert {name: times for name, times in asked.items() if times > 1} == {}
    before = asked.copy()
    api.get(path, headers={"accept": "text/html"})
    assert asked == before + before  # the next page looks for itself
