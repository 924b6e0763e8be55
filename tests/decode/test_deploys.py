"""Deploy events: the official CDEvents fixtures, CloudEvents around them, our own body, and bad
input.
"""

import base64
import contextlib
import io
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decode.deploys import Unreadable, decode_deploys, purl_version, read_event
from monitor.edges.aliases import Aliases
from monitor.model.records import Partition, Records

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
KAFKA = Partition("0123456789abcdef", "deploys", 0)


def records(*values: bytes, headers: dict[str, bytes] | None = None) -> Records:
    count = len(values)
    return Records(
        values,
        [KAFKA] * count,
        range(count),
        [int(NOW.timestamp() * 1000)] * count,
        [headers or {}] * count,
        [0] * count,
    )


def cdevent(what: str = "service.deployed", **custom: Any) -> dict[str, Any]:
    return {
        "context": {
            "specversion": "0.5.1",
            "id": "e1",
            "source": "/ci",
            "type": f"dev.cdevents.{what}.0.3.0",
            "timestamp": "2026-01-05T11:59:00Z",
        },
        "subject": {
            "id": "service/payment",
            "content": {
                "environment": {"id": "production"},
                "artifactId": "pkg:oci/payment@2.0.0",
            },
        },
        "customData": custom,
    }


def official() -> dict[str, bytes]:
    folder = os.environ.get("SEAMWATCH_CONFORMANCE_DATA")
    path = Path(folder or "/nonexistent") / "cdevents" / "conformance.tar.gz"
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(
                "SEAMWATCH_CONFORMANCE_DATA does not name the folder of the official suites"
            )
        pytest.skip("SEAMWATCH_CONFORMANCE_DATA does not name the folder of the official suites")
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {
            Path(name).name: file.read()
            for name, file in files.items()
            if file
            and name.startswith("conformance/")
            and name.count("/") == 1
            and name.endswith(".json")
        }


def test_the_official_fixtures_are_read_or_known_to_be_something_else() -> None:
    fixtures = official()
    services = {name for name in fixtures if name.startswith("service_")}
    assert len(services) == 5
    for name, value in fixtures.items():
        batch = decode_deploys(records(value))
        assert batch.rejects == (), name
        assert len(batch.events) == (name in services), name
    kinds = {name: decode_deploys(records(fixtures[name])).events[0] for name in services}
    deployed = kinds["service_deployed.json"]
    assert (deployed.kind, deployed.service, deployed.environment) == (
        "deploy",
        "mySubject123",
        "test123",
    )
    assert (
        deployed.version
        == "sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
    )
    assert deployed.at == datetime(2023, 3, 20, 14, 27, 5, 315384, tzinfo=UTC)
    assert kinds["service_rolledback.json"].kind == "rollback"
    assert (kinds["service_removed.json"].kind, kinds["service_removed.json"].traffic_share) == (
        "scale",
        0.0,
    )
    assert kinds["service_published.json"].kind == "config"


def test_a_cdevent_of_any_version_is_known_by_the_prefix_of_its_type() -> None:
    event = cdevent()
    event["context"]["type"] = "dev.cdevents.service.deployed.9.9.9-draft"
    deploy = read_event(json.dumps(event).encode(), {}, NOW)
    assert deploy is not None
    assert (deploy.service, deploy.version, deploy.environment, deploy.state) == (
        "payment",
        "2.0.0",
        "production",
        "succeeded",
    )
    assert deploy.external_id == "/ci#e1"


def test_custom_data_adds_what_cdevents_have_no_word_for() -> None:
    event = cdevent(
        "service.upgraded",
        previousVersion="1.9.2",
        trafficShare=0.3,
        state="progressing",
        actor="ada",
        commit="abc",
    )
    deploy = read_event(json.dumps(event).encode(), {}, NOW)
    assert deploy is not None
    assert (
        deploy.previous_version,
        deploy.traffic_share,
        deploy.state,
        deploy.actor,
        deploy.commit,
    ) == (
        "1.9.2",
        0.3,
        "progressing",
        "ada",
        "abc",
    )


def test_cloud_events_in_structured_and_binary_mode_say_the_same() -> None:
    bare = read_event(json.dumps(cdevent()).encode(), {}, NOW)
    envelope = {
        "specversion": "1.0",
        "id": "e1",
        "source": "/ci",
        "type": "dev.cdevents.service.deployed.0.3.0",
        "subject": "service/payment",
    }
    structured = {**envelope, "data": cdevent()}
    packed = {**envelope, "data_base64": base64.b64encode(json.dumps(cdevent()).encode()).decode()}
    headers = {f"ce_{name}": value.encode() for name, value in envelope.items()} | {
        "ce_time": b"2026-01-05T11:59:00Z"
    }
    assert (
        read_event(
            json.dumps(structured).encode(), {"content-type": b"application/cloudevents+json"}, NOW
        )
        == bare
    )
    assert read_event(json.dumps(packed).encode(), {}, NOW) == bare
    assert read_event(json.dumps(cdevent()).encode(), headers, NOW) == bare
    content_only = {"content": cdevent()["subject"]["content"]}
    assert read_event(json.dumps(content_only).encode(), headers, NOW) == bare


def test_our_own_body_is_the_same_event_when_it_comes_again() -> None:
    body = json.dumps(
        {
            "service": "payment",
            "version": "2.0.0",
            "environment": "production",
            "traffic_share": 0.1,
        }
    ).encode()
    first, again = read_event(body, {}, NOW), read_event(body, {}, NOW)
    assert first == again
    assert first is not None
    assert (first.source, first.kind, first.state, first.at, first.traffic_share) == (
        "api",
        "deploy",
        "succeeded",
        NOW,
        0.1,
    )


@pytest.mark.parametrize(
    ("artifact", "version"),
    [
        ("pkg:oci/payment@sha256%3Aab?tag=2.0.0&repository_url=x", "2.0.0"),
        ("pkg:golang/example.com/shop/payment@v1.2.3#sub/dir", "v1.2.3"),
        ("pkg:npm/%40shop/payment@1.0.0", "1.0.0"),
        ("registry.example:5000/shop/payment:2.1", "2.1"),
        ("pkg:oci/payment", ""),
    ],
)
def test_the_version_of_a_purl(artifact: str, version: str) -> None:
    assert purl_version(artifact)[0] == version


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "not_json"),
        (b"[1]", "not_an_object"),
        (b'{"hello": 1}', "unknown_event"),
        (b'{"service": "a", "version": ""}', "no_version"),
        (b'{"service": 5, "version": "1"}', "wrong_type"),
        (b'{"service": "a", "version": "1", "traffic_share": 30}', "wrong_share"),
        (b'{"service": "a", "version": "1", "at": "1970-01-01T00:00:00Z"}', "wrong_time"),
        (b'{"service": "a", "version": "1", "at": "2026-01-06T00:00:00Z"}', "wrong_time"),
        (b'{"service": "a", "version": "1", "kind": "party"}', "unknown_word"),
        (b'{"service": "\\ud800", "version": "1"}', "not_json"),
        (json.dumps({**cdevent(), "subject": {"id": "x", "content": {}}}).encode(), "no_version"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_its_neighbours_are_kept(
    value: bytes, reason: str
) -> None:
    batch = decode_deploys(records(value, json.dumps(cdevent()).encode()))
    assert [refused.reason for refused in batch.rejects] == [reason]
    assert [(refused.offset, refused.whole) for refused in batch.rejects] == [(0, True)]
    assert len(batch.events) == 1


def test_a_build_event_is_no_deploy_and_no_reject() -> None:
    batch = decode_deploys(records(json.dumps(cdevent("build.finished")).encode()))
    assert (batch.events, batch.rejects, batch.filtered) == ((), (), (0,))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "context",
                    "subject",
                    "content",
                    "type",
                    "id",
                    "data",
                    "specversion",
                    "service",
                    "version",
                    "customData",
                    "at",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_makes_the_reader_fail(body: object) -> None:
    with contextlib.suppress(Unreadable):
        read_event(json.dumps(body).encode("utf-8", "surrogatepass"), {}, NOW)


@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_fail(value: bytes) -> None:
    assert len(decode_deploys(records(value)).rejects) <= 1


def test_an_event_nested_deeper_than_can_be_hashed_is_refused_and_its_neighbours_are_kept() -> (
    None
):
    good = json.dumps({"service": "pay", "version": "2"}).encode()
    deep = good[:-1] + b',"more":' + b"[" * 400 + b"]" * 400 + b"}"
    read = decode_deploys(records(good, deep, good))
    assert [len(read.events), [reject.reason for reject in read.rejects]] == [2, ["too_deep"]]


def test_a_namespace_is_read_where_the_source_tells_one() -> None:
    plain = {"service": "pay", "version": "2"}
    told = [
        plain | {"namespace": "team-a"},
        plain | {"service": "team-a/pay"},
        plain | {"service": "/pay"},
        plain,
        cdevent(namespace="team-a", service="pay"),
        cdevent(service="team-a/pay"),
    ]
    events = decode_deploys(records(*map(orjson.dumps, told))).events
    apart = [(event.told_apart.namespace, event.told_apart.service) for event in events]
    assert apart == [
        ("team-a", "pay"),
        ("team-a", "pay"),
        ("", "pay"),
        (None, "pay"),
        ("team-a", "pay"),
        ("team-a", "pay"),
    ]


def test_an_alias_for_a_qualified_name_says_all_and_one_for_a_plain_name_keeps_the_namespace() -> (
    None
):
    aliases = Aliases(
        services={"shop-web": "frontend", "kube/pay": "team-a/pay", "old/cart": "cart"}
    )

    def named(service: str, namespace: str | None = None) -> tuple[str | None, str]:
        event = decode_deploys(
            records(orjson.dumps({"service": service, "version": "2", "namespace": namespace}))
        ).events[0]
        joined = aliases.deploy(event)
        return joined.namespace, joined.service

    assert named("shop-web", "shop") == ("shop", "frontend")
    assert named("shop/shop-web") == ("shop", "frontend")
    assert named("pay", "kube") == ("team-a", "pay")
    assert named("old/cart") == (None, "cart")
