"""A Kubernetes service is one provider, by whichever of its names it was published and is seen."""

import pytest

from monitor.contracts.registry import Registry
from tests.contracts.promises import AT_NS, registry, revision

NAMES = ("httpbin", "httpbin.default", "httpbin.default.svc", "httpbin.default.svc.cluster.local")


def found(known: Registry, callee: str, namespace: str = "") -> list[str]:
    return [
        contract.name for contract in known.find(callee, "production", "", "web", AT_NS, namespace)
    ]


@pytest.mark.parametrize("published", NAMES)
@pytest.mark.parametrize("seen", NAMES)
def test_any_of_its_names_finds_its_contract(published: str, seen: str) -> None:
    assert found(registry(revision(provider=published)), seen) == ["payments"]
    assert found(registry(revision(provider=published)), seen, "default") == ["payments"]


def test_another_namespace_or_domain_is_another_service() -> None:
    known = registry(revision(provider="httpbin.default"))
    assert found(known, "httpbin.other") == []
    assert found(known, "httpbin", "other") == []
    assert found(registry(revision(provider="pay")), "pay.example") == []
    assert found(registry(revision(provider="pay")), "pay.io") == []


def test_the_very_name_is_meant_first_and_several_are_never_guessed_between() -> None:
    two = [revision(provider=f"httpbin.{zone}", name=zone) for zone in ("blue", "green")]
    known = registry(*two)
    assert found(known, "httpbin") == []
    assert found(known, "httpbin", "green") == ["green"]
    assert found(registry(*two, revision(provider="httpbin", name="plain")), "httpbin") == [
        "plain"
    ]
