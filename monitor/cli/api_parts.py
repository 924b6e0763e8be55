"""What the API, the page and the gate are made of, from settings."""

from dataclasses import replace
from functools import partial

from monitor.api.parts import ApiConfig, GateAnswer, Parts
from monitor.cli.assembly import House
from monitor.cli.receivers import senders
from monitor.config import read_policy
from monitor.joining.alerting import trial_alert
from monitor.joining.gate import asked, evaluate_gate
from monitor.joining.names import joined


def api_parts(parts: House, local_token: str) -> Parts:
    """What the API and the page are made of; `local_token` opens everything to commands on
    this machine.
    """

    def trial(name: str) -> str:
        senders(parts.settings)[name].send(trial_alert(name, parts.clock()))
        return "sent"

    return Parts(
        reader=parts.reader,
        store=parts.store,
        shards=parts.shards.stores if parts.shards else (),
        engine=parts.engine,
        board=parts.board,
        clock=parts.clock,
        config=api_config(parts, local_token),
        gate=partial(gate, parts),
        receivers={name: partial(trial, name) for name in parts.settings.notify.receivers},
        stop=parts.stop,
    )


def api_config(parts: House, local_token: str) -> ApiConfig:
    """How the API behaves."""
    api, tracing = parts.settings.api, parts.settings.tracing
    return ApiConfig(
        host=api.host,
        port=api.port,
        local_token=local_token,
        open_reading=api.open_reading,
        allowed_hosts=api.allowed_hosts,
        public_url=api.public_url,
        requests_per_second=api.requests_per_second,
        burst=api.burst,
        stale_seconds=api.stale_seconds,
        closes_after_seconds=parts.settings.windows.provisional_seconds,
        trace_link=api.trace_link,
        traces_to=tracing.endpoint if tracing.enabled else "",
        aliases=parts.written,
        longest_override_hours=parts.policy.overrides.longest_hours,
        criticality=parts.policy.criticality,
    )


def gate(
    parts: House, service: str, version: str, environment: str | None, last_look: bool, policy: str
) -> GateAnswer:
    """Judge by what is sealed now. `policy` is the text of one that the caller brings: it
    stands in for the settings' where these name no file, else both apply.
    """
    brought = (read_policy(policy, "the policy that was sent"),) if policy else ()
    own = (parts.policy,) if parts.settings.detection.policy_file or not brought else ()
    request = asked(
        joined(parts.written, parts.engine),
        service,
        version,
        environment,
        parts.settings.detection.judging(),
    )
    return evaluate_gate(
        parts.reader,
        parts.engine,
        replace(request, last_look=last_look, policies=(*own, *brought)),
        parts.clock(),
    )
