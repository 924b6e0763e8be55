"""A Pact Broker, read only: the pacts that are selected, walked to by the links that it gives
itself.

Its API is described at https://docs.pact.io/pact_broker/advanced_topics/api_docs and by its own
index (HAL).
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from monitor.alerts.addresses import AddressRules
from monitor.alerts.wire import Reply, ask, cleaned, retry_after
from monitor.clock import Clock, system_clock
from monitor.contracts.formats.pact_words import version_of
from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.errors import ConfigError, NotifyError, SourceError, SourceUnavailable
from monitor.model.contracts import ContractDraft

SECONDS = 20.0  # for one answer
MOST_PACTS = 5_000
_LIST_BYTES = 8_000_000
_MOST_PAGES = 200
_NOT_MODIFIED, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _BROKEN = (
    304,
    401,
    403,
    404,
    429,
    500,
)
_LATEST, _PROVIDERS, _FOR_VERIFICATION = (
    "pb:latest-pact-versions",
    "pb:pacticipants",
    "pb:provider-pacts-for-verification",
)


class Ask(Protocol):
    """One request, answered or an error of NotifyError's kind."""

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pacts are wanted: the broker's selector, None for the latest of each pair; published
    for `environment`.
    """

    text: str
    selector: Mapping[str, object] | None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """What one look brought: drafts of pacts that are new or changed, how many there are in all,
    and what could not be had.
    """

    drafts: Sequence[ContractDraft]
    pacts: int
    refused: Sequence[str]


class RetryLater(SourceUnavailable):
    """The broker asks to be left alone for `seconds`."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        super().__init__(text)
        self.seconds = seconds


class PactBroker:
    """Asks for what is selected; remembers ETags, so that what has not changed is not sent again.
    Not for several threads.

    Only the origin of its own address is ever asked, whatever links it gives, and no redirect is
    followed. A cloud's metadata service is never dialled. An answer has 20 s; a pact may be as
    large as a contract.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        username: str = "",
        password: str = "",
        select: Sequence[str] = ("latest",),
        ask: Ask | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """ConfigError for an address or a selection that cannot be read."""
        self.selections = tuple(selection_of(text) for text in select)
        if not self.selections:
            raise ConfigError(
                "contracts.broker_select names nothing; leave it out for the latest pacts"
            )
        rules = AddressRules([_host_of(url)])  # the operator named it: it may be a private one
        self.where = str(rules.target(url))
        self._origin = _origin_of(url)
        self._url = url if url.endswith("/") else f"{url}/"
        self._secrets = [secret for secret in (token, password) if secret]
        self._headers = {
            "Accept": "application/hal+json, application/json",
            **_login(token, username, password),
        }
        self._ask = ask or _guarded(rules)
        self._clock = clock
        self._kept: dict[str, tuple[str, Any]] = {}

    def greet(self) -> str:
        """What one asks first: that it answers us as a Pact Broker does. Raises as `look` does."""
        index = self._get(self._url, _LIST_BYTES)
        for selection in self.selections:
            self._link(index, _LATEST if selection.selector is None else _FOR_VERIFICATION)
        return f"{self.where} answers as a Pact Broker; asked for {', '.join(selection.text for selection in self.selections)}"

    def look(self) -> Brought:
        """Every selected pact. SourceUnavailable when the broker does not answer now, SourceError
        when it refuses us.
        """
        index = self._get(self._url, _LIST_BYTES)
        drafts: dict[str, list[ContractDraft]] = {}
        count = 0
        refused: list[str] = []
        for selection in self.selections:
            for href in self._pacts(index, selection, refused):
                if count >= MOST_PACTS:
                    refused.append(
                        f"more than {MOST_PACTS} pacts are selected; the others are left out"
                    )
                    break
                draft = self._draft(href, selection, refused)
                if draft is not None:
                    count += 1
                    drafts.setdefault(draft.name, []).append(draft)
        joined = [_joined(several, refused) for several in drafts.values()]
        return Brought(joined, len(joined), refused)

    def _pacts(
        self, index: Mapping[str, Any], selection: Selection, refused: list[str]
    ) -> Iterator[str]:
        if selection.selector is None:
            yield from _hrefs_of_list(self._get(self._link(index, _LATEST), _LIST_BYTES))
            return
        template = self._link(index, _FOR_VERIFICATION)
        question = {
            "consumerVersionSelectors": [dict(selection.selector)],
            "includePendingStatus": False,
        }
        for provider in self._providers(index, refused):
            url = template.replace("{provider}", quote(provider, safe=""))
            try:
                answer = self._answer("POST", url, json.dumps(question).encode(), _LIST_BYTES)
            except _Missing:
                continue  # nobody has a pact with it
            embedded = answer.get("_embedded")
            for entry in embedded.get("pacts", []) if isinstance(embedded, dict) else ():
                href = _href(entry.get("_links"), "self") if isinstance(entry, dict) else None
                if href is not None:
                    yield href
                else:
                    refused.append(f"a pact of {provider[:80]} has no link to itself")

    def _providers(self, index: Mapping[str, Any], refused: list[str]) -> Iterator[str]:
        """The names of all pacticipants, page by page."""
        url: str | None = self._link(index, _PROVIDERS)
        seen: set[str] = set()
        while url is not None and url not in seen:
            if len(seen) >= _MOST_PAGES:
                refused.append(
                    f"{self.where} has more than {_MOST_PAGES} pages of pacticipants; the others are left out"
                )
                return
            seen.add(url)
            page = self._get(url, _LIST_BYTES)
            embedded = page.get("_embedded")
            entries = (
                embedded.get("pacticipants", [])
                if isinstance(embedded, dict)
                else page.get("pacticipants", [])
            )
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    yield entry["name"]
            url = _href(page.get("_links"), "next")

    def _draft(self, href: str, selection: Selection, refused: list[str]) -> ContractDraft | None:
        try:
            pact = self._get(href, CONTRACT_LIMITS.text_bytes)
        except (_Missing, SourceError) as error:
            if isinstance(error, RetryLater):
                raise
            refused.append(str(error))
            return None
        parties = [pact.get(word) for word in ("consumer", "provider")]
        names = [
            str(party.get("name") or "").strip() if isinstance(party, dict) else ""
            for party in parties
        ]
        if not all(names):
            refused.append(f"{self.where}: a pact names no consumer or no provider")
            return None
        document = {
            word: value
            for word, value in pact.items()
            if word not in ("_links", "_embedded", "createdAt")
        }
        place = f"@{selection.environment}" if selection.environment else ""
        return ContractDraft(
            name=f"{names[0]}-{names[1]}{place}",
            format="pact",
            provider=names[1],
            document=json.dumps(document, indent=1, ensure_ascii=False),
            consumer=names[0],
            environment=selection.environment,
        )

    def _link(self, document: Mapping[str, Any], name: str) -> str:
        href = _href(document.get("_links"), name)
        if href is None:
            raise SourceError(
                f"{self.where} gives no link {name}; is contracts.broker_url the address of a Pact Broker?"
            )
        return href

    def _get(self, href: str, most_bytes: int) -> dict[str, Any]:
        return self._answer("GET", href, b"", most_bytes)

    def _answer(self, method: str, href: str, body: bytes, most_bytes: int) -> dict[str, Any]:
        try:
            url = urljoin(self._url, href)
        except ValueError:
            raise SourceError(f"{self.where} gives a link that cannot be read") from None
        if _origin_of(url) != self._origin:
            raise SourceError(f"{self.where} links to another host, which is not asked")
        headers = dict(self._headers)
        if body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        kept = self._kept.get(url) if method == "GET" else None
        if kept is not None:
            headers["If-None-Match"] = kept[0]
        try:
            reply = self._ask(method, url, headers, body, most_bytes + 1)
        except NotifyError as error:
            raise RetryLater(cleaned(str(error), self._secrets)) from None
        if kept is not None and reply.status == _NOT_MODIFIED:
            cached: dict[str, Any] = kept[1]
            return cached
        self._refuse(reply)
        if len(reply.body) > most_bytes:
            raise SourceError(f"{self.where}: an answer is larger than {most_bytes} bytes")
        try:
            answer = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise SourceError(f"{self.where}: an answer is no JSON") from None
        if not isinstance(answer, dict):
            raise SourceError(f"{self.where}: an answer is no object")
        tag = reply.headers.get("etag", "")
        if tag and method == "GET" and len(self._kept) < 2 * MOST_PACTS:
            self._kept[url] = (tag, answer)
        return answer

    def _refuse(self, reply: Reply) -> None:
        if reply.status in range(200, 300):
            return
        if reply.status in (_UNAUTHORIZED, _FORBIDDEN):
            raise SourceError(
                f"{self.where} refuses us ({reply.status}); correct contracts.broker_token, or user name and password"
            )
        if reply.status == _NOT_FOUND:
            raise _Missing(f"{self.where} does not know what it links to (404)")
        if reply.status == _TOO_MANY or reply.status >= _BROKEN:
            seconds = retry_after(reply.headers.get("retry-after"), self._clock())
            raise RetryLater(f"{self.where} answers {reply.status} now", seconds)
        if reply.status in range(300, 400):
            raise SourceError(
                f"{self.where} answers {reply.status}; redirects are not followed, set contracts.broker_url to where it leads"
            )
        raise SourceError(f"{self.where} answers {reply.status}")


def _joined(several: Sequence[ContractDraft], refused: list[str]) -> ContractDraft:
    """The pacts of one pair as one: several versions of a consumer may be live in an environment,
    and the provider owes all of them.

    In an order that hangs on what they say alone, so that the same pacts are the same revision.
    """
    documents = {draft.document: json.loads(draft.document) for draft in several}
    first, *others = [documents[text] for text in sorted(documents)]
    if not others:
        return several[0]
    if any(version_of(other) != version_of(first) for other in others):
        refused.append(
            f"{several[0].name}: {len(documents)} versions of the consumer are selected, whose pacts are of different "
            "specifications; all but one are left out"
        )
        return several[0]
    joined = dict(first)
    for word in ("interactions", "messages"):
        parts = [
            part
            for document in (first, *others)
            for part in (document.get(word) if isinstance(document.get(word), list) else ())
        ]
        if parts:
            joined[word] = list(
                {json.dumps(part, sort_keys=True): part for part in parts}.values()
            )
    text = json.dumps(joined, indent=1, ensure_ascii=False)
    return replace(several[0], document=text)


class _Missing(SourceError):
    """Nothing is there."""


def selection_of(text: str) -> Selection:
    """A word of `contracts.broker_select`.
    https://docs.pact.io/pact_broker/advanced_topics/consumer_version_selectors
    """
    word, _, name = text.strip().partition(":")
    if word == "latest" and not name:
        return Selection(text, None)
    if word == "main" and not name:
        return Selection(text, {"mainBranch": True})
    if word == "branch" and name:
        return Selection(text, {"branch": name})
    if word == "environment" and name:
        return Selection(text, {"environment": name}, name)
    raise ConfigError(
        f"contracts.broker_select: {text[:60]!r} is not known; use latest, main, branch:NAME or environment:NAME"
    )


def _hrefs_of_list(listing: Mapping[str, Any]) -> list[str]:
    """The pacts of a list, which older brokers embed and newer ones link to."""
    links = listing.get("_links")
    for word in ("pb:pacts", "pacts"):
        linked = links.get(word) if isinstance(links, dict) else None
        if isinstance(linked, list) and linked:
            return [
                link["href"]
                for link in linked
                if isinstance(link, dict) and isinstance(link.get("href"), str)
            ]
    entries = listing.get("pacts")
    hrefs = (
        [_href(entry.get("_links"), "self") for entry in entries if isinstance(entry, dict)]
        if isinstance(entries, list)
        else []
    )
    return [href for href in hrefs if href is not None]


def _href(links: Any, name: str) -> str | None:
    link = links.get(name) if isinstance(links, dict) else None
    link = link[0] if isinstance(link, list) and link else link
    href = link.get("href") if isinstance(link, dict) else None
    return href if isinstance(href, str) else None


def _login(token: str, username: str, password: str) -> dict[str, str]:
    if token:
        return {"Authorization": f"Bearer {token}"}
    if username:
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}
    return {}


def _guarded(rules: AddressRules) -> Callable[[str, str, Mapping[str, str], bytes, int], Reply]:
    def asked(
        method: str, url: str, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Reply:
        return ask(rules, method, url, headers, body, most_bytes, SECONDS)

    return asked


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        raise ConfigError(
            "contracts.broker_url cannot be read; give it as https://host/path"
        ) from None


def _origin_of(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme,
            (parts.hostname or "").lower(),
            parts.port or {"http": 80, "https": 443}.get(parts.scheme),
        )
    except ValueError:
        return "", "", None
