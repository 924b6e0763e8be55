"""The contracts the shop's services promise, OpenAPI documents, and a mock that checkout's tests
use for payment: to be published when the shop opens. And the contract that payment's team would
have next.
"""

import importlib.resources
from dataclasses import dataclass

import httpx

from monitor.demo.topology import ENVIRONMENT
from monitor.errors import ContractError, SourceUnavailable


@dataclass(frozen=True, slots=True)
class Promise:
    """One document to publish, a promise of `provider` to all its consumers, whatever
    its version.
    """

    name: str
    provider: str
    document: str
    format: str = "openapi"
    environment: str = ENVIRONMENT
    role: str = "contract"


def promises() -> tuple[Promise, ...]:
    """All of the shop's contracts, by provider."""
    return tuple(
        Promise(f"{provider}-api", provider, text) for provider, text in _texts("contracts")
    )


def mocks() -> tuple[Promise, ...]:
    """The shop's mocks. Payment's shows a field that is gone, lacks one that came, always says 201,
    and has a stub that nobody asks for.
    """
    return tuple(
        Promise(f"{provider}-mock", provider, text, "wiremock", role="mock")
        for provider, text in _texts("mocks")
    )


def amendment(provider: str) -> str:
    """The text of a provider's next contract, which nobody has published."""
    return dict(_texts("amendments"))[provider]


def _texts(kind: str) -> list[tuple[str, str]]:
    """Providers and texts of a folder's files."""
    folder = importlib.resources.files("monitor.demo").joinpath(kind)
    files = sorted(folder.iterdir(), key=lambda each: each.name)
    return [(each.name.partition(".")[0], each.read_text("utf-8")) for each in files]


def publish(api_url: str, token: str = "") -> int:
    """Publish all of them at Seamwatch's API (`POST /v1/contracts`) and return how many; again is
    harmless.

    Raises ContractError when one is refused, SourceUnavailable when nobody answers.
    """
    published = (*promises(), *mocks())
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=api_url, headers=headers, timeout=20.0, trust_env=False) as client:
        for promise in published:
            body = {
                "name": promise.name,
                "format": promise.format,
                "provider": promise.provider,
                "provider_version": "",
                "consumer": "",
                "environment": promise.environment,
                "role": promise.role,
                "document": promise.document,
            }
            try:
                answer = client.post("/v1/contracts", json=body)
            except httpx.TransportError as error:
                raise SourceUnavailable(f"{api_url} does not answer: {error}") from error
            if answer.is_error:
                raise ContractError(
                    f"{api_url} refused the demo's contract {promise.name}: {answer.status_code} {answer.text[:300]}"
                )
    return len(published)
