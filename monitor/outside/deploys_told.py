"""Deploys of a file as the judge knows deploys."""

from datetime import UTC, datetime

from monitor.model.deploys import Deploy
from monitor.outside.cells import Known
from monitor.outside.told import Told
from monitor.outside.versions import AFTER


def as_known(subject: Told, so_far: Known, environment: str, moment: float) -> Deploy:
    expected = subject.expected_from
    there = expected is not None and moment >= expected
    # a deploy that is said to bring the version that was there: no other one is its predecessor
    stays = subject.kind == "deploy" and subject.version_from == subject.version_to != ""
    return Deploy(
        id=subject.deploy_id,
        kind="redeploy" if stays else subject.kind,
        environment=environment,
        service=subject.service,
        version=so_far.new,
        previous_version=so_far.old,
        state="succeeded" if there else "started" if expected is None else "progressing",
        started=datetime.fromtimestamp(subject.at, UTC),
        finished=datetime.fromtimestamp(expected, UTC) if there and expected is not None else None,
        first_traffic=so_far.first,
        sources=("outside",),
    )


def released_beside(subject: Told, environment: str) -> Deploy:
    at = datetime.fromtimestamp(subject.at, UTC)
    return Deploy(
        subject.deploy_id, subject.kind, environment, subject.service, subject.version_to or AFTER, subject.version_from, "progressing", at, None, None,
        ("outside",),
    )  # fmt: skip
