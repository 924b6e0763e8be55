"""Planned beside observed shares of a deploy, and what a rollback ended."""

from datetime import timedelta

from monitor.api.routes.deploys import Share, ramp_of
from monitor.control.deploys import deploy, record
from monitor.model.deploys import DeployEvent
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON, write_shop_day


def told(
    minute: float, share: float | None = None, version: str = "2.0.0", **more: object
) -> DeployEvent:
    values: dict[str, object] = {
        "source": "argo", "external_id": f"{version} {minute}", "kind": "deploy", "environment": "production", "service": "payment",
        "version": version, "previous_version": "1.4.2", "state": "progressing", "at": NOON + timedelta(minutes=minute),
        "traffic_share": share,
    }  # fmt: skip
    return DeployEvent(**{**values, **more})  # type: ignore[arg-type]  # a test's shorthand


def seen(minute: float, share: float, version: str = "2.0.0", calls: int = 100) -> Share:
    return Share(
        time=NOON + timedelta(minutes=minute),
        version=version,
        server_calls=calls,
        failed=0,
        instances=2,
        share=share,
    )


def test_each_step_of_time_has_what_was_planned_and_what_is_observed(api: Asked) -> None:
    plan = [told(0, 0.1), told(2.5, 0.5), told(9, 1.0)]
    rollout = record(api.parts.engine, plan[0], NOON)
    shares = [seen(minute, 1.0, "1.4.2") for minute in (-1, 0, 1)] + [
        seen(1, 0.08),
        seen(2, 0.4),
        seen(3, 0.52),
    ]
    steps = ramp_of(rollout, shares, plan)
    rows = [
        ((step.time - NOON) / timedelta(minutes=1), step.planned, step.observed, step.server_calls)
        for step in steps
    ]
    assert rows == [
        (-1, None, 0.0, 0), (0, 0.1, 0.0, 0), (1, 0.1, 0.08, 100), (2, 0.5, 0.4, 100), (3, 0.5, 0.52, 100), (9, 1.0, None, 0),
    ]  # fmt: skip
    assert [(step.planned, step.observed) for step in ramp_of(rollout, [], plan)] == [
        (0.1, None),
        (0.5, None),
        (1.0, None),
    ]
    assert ramp_of(rollout, [], []) == []


def test_the_api_and_the_page_show_both_and_the_list_the_newest(api: Asked) -> None:
    write_shop_day(api.parts.store)
    engine = api.parts.engine
    rollout = record(engine, told(-6, 0.3), NOON)
    detail = api.get(f"/v1/deploys/{rollout.id}").json()
    both = [step for step in detail["ramp"] if step["planned"] is not None]
    assert both
    assert {step["planned"] for step in both} == {0.3}
    assert any(step["observed"] for step in both)
    (listed,) = api.get("/v1/deploys").json()
    assert listed["planned_share"] == 0.3
    assert 0.0 < listed["observed_share"] < 1.0
    assert "Planned and observed" in api.get(f"/deploys/{rollout.id}").text
    assert "planned 30" in api.get("/deploys").text


def test_a_rollback_and_what_it_ended_point_to_each_other(api: Asked) -> None:
    engine = api.parts.engine
    bad = record(engine, told(-30, 0.3), NOON)
    back = record(engine, told(-10, version="1.4.2", state="succeeded", previous_version=""), NOON)
    assert (back.kind, back.ends) == ("rollback", bad.id)
    ended = deploy(engine, bad.id)
    assert ended is not None
    assert (ended.ended_by, ended.finished) == (back.id, back.started)
    assert api.get(f"/v1/deploys/{bad.id}").json()["deploy"]["ended_by"] == back.id
    assert f'href="/deploys/{back.id}"' in api.get(f"/deploys/{bad.id}").text
    assert f'href="/deploys/{bad.id}"' in api.get(f"/deploys/{back.id}").text
