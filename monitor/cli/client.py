"""One way to the data for every command: HTTP to the running `seamwatch up`, or the same app in
this process.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from monitor.cli.opened import opened
from monitor.config import Settings
from monitor.errors import MonitorError, UsageError
from monitor.masking import shown
from monitor.model.addresses import web_address

if TYPE_CHECKING:  # a sixth of a second to load: commands that ask nothing go without it
    import httpx

ANSWER_SECONDS = 120.0
MOST = 5000  # rows of a page that the API gives at most


class Send(Protocol):
    """Sends one request and brings its answer."""

    def __call__(
        self, method: str, path: str, *, params: Mapping[str, str], body: object, seconds: float
    ) -> "httpx.Response": ...


class Api:
    """The API, wherever it is. Answers are JSON; errors become ours, with what the API
    says to do.
    """

    def __init__(self, send: Send, where: str) -> None:
        self._send = send
        self.where = where

    def get(self, path: str, **params: Any) -> Any:
        """GET; parameters that are None are left out."""
        return self._ask("GET", path, params=params)

    def pages(
        self, path: str, *, limit: int | None = None, most: int = MOST, **params: Any
    ) -> "Listing":
        """A list: all of it, page by page, or the first `limit` rows; with what the API says of
        the whole.
        """
        rows: list[Any] = []
        while True:
            size = most if limit is None else min(most, limit - len(rows))
            page, headers = self._asked(
                "GET", path, params={**params, "limit": size, "offset": len(rows)}
            )
            rows += page
            total = int(headers.get("x-total-count", len(rows)))
            if not page or len(rows) >= min(total, total if limit is None else limit):
                return Listing(rows, total, headers)

    def post(self, path: str, body: Mapping[str, Any], *, seconds: float = ANSWER_SECONDS) -> Any:
        """POST a JSON object; fields that are None are left out."""
        return self._ask(
            "POST",
            path,
            body={name: value for name, value in body.items() if value is not None},
            seconds=seconds,
        )

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._ask("DELETE", path)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        return self._asked(method, path, params=params, body=body, seconds=seconds)[0]

    def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        seconds: float = ANSWER_SECONDS,
    ) -> tuple[Any, Mapping[str, str]]:
        import httpx

        query = {name: str(value) for name, value in (params or {}).items() if value is not None}
        try:
            answer = self._send(method, path, params=query, body=body, seconds=seconds)
        except httpx.HTTPError as error:
            raise MonitorError(
                f"the API at {self.where} does not answer: {str(error) or type(error).__name__}; is `seamwatch up` running there?"
            ) from error
        if answer.is_success:
            return (answer.json() if answer.content else None), answer.headers
        raise _said(answer, self.where)


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows, how many there are in all, and the headers that say of which time they are."""

    rows: list[Any]
    total: int
    headers: Mapping[str, str]

    def note(self, what: str, now: datetime) -> None:
        """Say on standard error what the rows do not: that there are more, of which time they are,
        and where older ones are.
        """
        for line in self._notes(what, now):
            sys.stderr.write(f"seamwatch: {line}\n")

    def _notes(self, what: str, now: datetime) -> Iterator[str]:
        if len(self.rows) < self.total:
            yield f"{len(self.rows):,} of {self.total:,} {what} are shown; without --limit all are"
        newest, since, until = (
            _time(self.headers.get(f"x-{name}"))
            for name in ("newest-data", "data-since", "data-until")
        )
        if self.headers.get("x-data-moved") and since and until:
            yield f"nothing is newer than {until:%Y-%m-%d %H:%M:%S} UTC: shown is what is from {since:%Y-%m-%d %H:%M:%S} on to it"
        elif not self.rows and newest and since and until and not since <= newest < until:
            ends = "" if until >= now else f" until {until:%Y-%m-%d %H:%M}"
            start = newest - timedelta(hours=1)
            yield f"nothing since {since:%Y-%m-%d %H:%M}{ends} UTC; the newest data is of {newest:%Y-%m-%d %H:%M:%S} UTC: use --since {start:%Y-%m-%dT%H:%M:%SZ}"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@contextmanager
def api(settings: Settings) -> Iterator[Api]:
    """The API of SEAMWATCH_API_URL, of the process that holds the store, or of this process over
    the opened stores.
    """
    import httpx

    address = os.environ.get("SEAMWATCH_API_URL", "")
    token = os.environ.get("SEAMWATCH_API_TOKEN", "")
    if not address:
        from monitor.store.lock import read_holder

        holder = read_holder(settings.data_dir.absolute())
        if holder is not None and holder.address:
            address, token = holder.address, token or holder.token
    if address:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with _client(address, headers) as client:

            def send(
                method: str, path: str, *, params: Mapping[str, str], body: object, seconds: float
            ) -> httpx.Response:
                return client.request(
                    method,
                    path,
                    params=params,
                    json=body,
                    timeout=httpx.Timeout(seconds, connect=5.0),
                )

            yield Api(send, address)
        return
    empty = _nothing_was_read(settings)
    with opened(settings) as parts:
        from monitor.api.app import create_app

        app = create_app(parts)

        def call(
            method: str, path: str, *, params: Mapping[str, str], body: object, seconds: float
        ) -> httpx.Response:
            if empty and method == "GET":
                sys.stderr.write(empty)

            async def once() -> httpx.Response:
                transport = httpx.ASGITransport(app, client=("127.0.0.1", 0))
                headers = {"Authorization": f"Bearer {parts.config.local_token}"}
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://127.0.0.1:8420", headers=headers
                ) as client:
                    return await client.request(
                        method, path, params=params, json=body, timeout=seconds
                    )

            return asyncio.run(once())

        yield Api(call, "this process")


def _client(address: str, headers: Mapping[str, str]) -> "httpx.Client":
    import httpx

    if web_address(address) is not None:
        with suppress(httpx.InvalidURL):  # it is stricter about names
            # reading the machine's certificates takes longer than an answer without TLS
            verify = httpx.URL(address).scheme == "https"
            return httpx.Client(base_url=address, headers=headers, trust_env=False, verify=verify)
    raise UsageError(
        f"SEAMWATCH_API_URL {shown(address)} cannot be read; give it as http://host:port"
    )


def _nothing_was_read(settings: Settings) -> str:
    """What to say where no embedded store is yet: silence of an empty place must not be taken for
    a good answer.
    """
    dsn = settings.clickhouse()
    if not dsn.startswith("chdb:") or Path(dsn.removeprefix("chdb://").partition("?")[0]).exists():
        return ""
    return (
        f"seamwatch: mind: nothing was ever read into {settings.data_dir.absolute()}, and no `seamwatch up` runs on it: an empty "
        "answer says nothing. Go to its folder, or set SEAMWATCH_DATA_DIR or SEAMWATCH_API_URL\n"
    )


def _said(answer: "httpx.Response", where: str) -> MonitorError:
    try:
        error = answer.json()["error"]
        text = "; ".join(str(error[name]) for name in ("what", "do") if error.get(name))
        place = str(error.get("where", ""))
    except (ValueError, KeyError, TypeError):
        text, place = f"HTTP {answer.status_code}", answer.request.url.path
    if answer.status_code < 500:
        return UsageError(f"{place}: {text}" if place else text)
    return MonitorError(f"{where} {place}: {text}")
