"""The settings and their groups: names, defaults, meanings."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from monitor.alerts.lifecycle import LifecycleSettings
from monitor.contracts.limits import REFRESH_SECONDS
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import DEFAULT_ENVIRONMENTS
from monitor.edges.closing import ClosingSettings
from monitor.errors import ConfigError
from monitor.model.edges import HISTOGRAM_SCALE
from monitor.model.log_sources import LogSource
from monitor.streams.batching import BOUNDS
from monitor.streams.limit import RejectLimits

CLOSING, JUDGING, LIFECYCLE, REJECTS = (
    ClosingSettings(),
    JudgeSettings(),
    LifecycleSettings(),
    RejectLimits(),
)
"""The parts' own defaults: a setting shows them and has none beside them."""


def _joined(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _named_as_options(options: dict[str, Any]) -> dict[str, Any]:
    # a name is shown where its value is not: a password that stands in its place would be too
    if any(not re.fullmatch(r"[a-z][a-z0-9._]{0,99}", name) for name in options):
        raise ValueError(
            "a client's options have names of lower-case letters, digits, dots and underscores"
        )
    return options


def _blank_between(value: object) -> object:
    """A list of texts as one, with blanks between."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return value


def _listed(value: object) -> object:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _folder(value: object) -> object:
    """A folder; ValueError for an address, which else became a folder of that name, with its
    password in it.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:/", str(value)):
        raise ValueError(
            "it is an address, not a folder; a database goes into clickhouse_dsn or control_dsn"
        )
    return value


def _over_the_usual(environments: dict[str, str]) -> dict[str, str]:
    return {**DEFAULT_ENVIRONMENTS, **environments}


def file_text(path: str, name: str) -> str:
    """What a secret's file holds; ConfigError names the setting when it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} names {path}, which cannot be read: {error}") from None


class Group(BaseModel):
    """A group of settings: frozen, and no unknown name passes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Group):
    """Where records come from."""

    brokers: Annotated[str, BeforeValidator(_joined)] = Field(
        default="", description="bootstrap brokers, `host:port,host:port`; empty: no Kafka"
    )
    client: Literal["kafka-python", "confluent"] = Field(
        default="kafka-python", description="which client library reads"
    )
    group: str = Field(
        default="seamwatch",
        description="prefix of the consumer groups; each pipeline adds its name",
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="where a group without committed offsets begins"
    )
    api_version: str = Field(
        default="",
        pattern=r"^(\d+(\.\d+)*)?$",
        description="protocol version to speak to an old broker, such as `2.3`; empty: ask the broker",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="transport and login"
    )
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="",
        description="how to log in; empty: SCRAM-SHA-512 where security_protocol logs in",
    )
    sasl_username: str = Field(default="", description="user name")
    sasl_password: SecretStr = Field(default=SecretStr(""), description="password")
    ssl_cafile: str = Field(
        default="", description="PEM file with the brokers' authorities; empty: the system's"
    )
    options: Annotated[dict[str, str | int | float | bool], AfterValidator(_named_as_options)] = (
        Field(
            default_factory=dict,
            description="any other option of the client library, by its own name",
        )
    )
    source_salt: str = Field(
        default="",
        description="tells one start of a broker from the next where it knows no topic ids; the demo sets it",
    )
    max_batch_bytes: int = Field(
        default=BOUNDS.payload_bytes,
        ge=1,
        description="bytes of records to gather before a batch is worked on",
    )
    max_batch_seconds: float = Field(
        default=BOUNDS.seconds,
        gt=0,
        description="spans or API logs are gathered until the clock passes a multiple of so many seconds: each batch has its own cost",
    )

    def client_options(self) -> dict[str, Any]:
        """Options in the words of the chosen client library: login, TLS, protocol version, then
        `options`.
        """
        names = _CLIENT_WORDS[self.client]
        password = self.sasl_password.get_secret_value()
        logs_in = self.security_protocol.startswith("SASL")
        values = {
            "security_protocol": ""
            if self.security_protocol == "PLAINTEXT"
            else self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism or ("SCRAM-SHA-512" if logs_in else ""),
            "sasl_username": self.sasl_username,
            "sasl_password": password,
            "ssl_cafile": self.ssl_cafile,
        }
        options: dict[str, Any] = {names[name]: value for name, value in values.items() if value}
        if self.api_version and self.client == "kafka-python":
            options["api_version"] = tuple(int(part) for part in self.api_version.split("."))
        return options | self.options


_CLIENT_WORDS: Mapping[str, Mapping[str, str]] = {
    "kafka-python": {
        "security_protocol": "security_protocol",
        "sasl_mechanism": "sasl_mechanism",
        "sasl_username": "sasl_plain_username",
        "sasl_password": "sasl_plain_password",
        "ssl_cafile": "ssl_cafile",
    },
    "confluent": {
        "security_protocol": "security.protocol",
        "sasl_mechanism": "sasl.mechanisms",
        "sasl_username": "sasl.username",
        "sasl_password": "sasl.password",
        "ssl_cafile": "ssl.ca.location",
    },
}


class TopicSettings(Group):
    """What lies in which topic."""

    spans: str = Field(default="otlp_spans", description="topic of OTLP traces; empty: not read")
    spans_encoding: Literal[
        "auto",
        "otlp_proto",
        "otlp_json",
        "jaeger_proto",
        "jaeger_json",
        "zipkin_proto",
        "zipkin_json",
    ] = Field(
        default="auto", description="encoding of spans; `auto`: each record is what its bytes say"
    )
    api_logs: str = Field(default="api_logs", description="topic of API logs; empty: not read")
    api_logs_format: LogSource = Field(
        default="auto",
        description="who wrote the API logs; `auto`: each entry tells by its keys, or its line by its form",
    )
    api_logs_caller: str = Field(
        default="", description="caller of exchanges of which the source does not say it"
    )
    api_logs_callee: str = Field(
        default="", description="callee of exchanges of which the source does not say it"
    )
    api_logs_environment: str = Field(
        default="", description="environment of exchanges of which the source does not say it"
    )
    api_logs_mapping: dict[str, str] = Field(
        default_factory=dict, description="field to JSON pointer, for the format `mapping`"
    )
    messages: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(),
        description="topics of applications' own messages, which are held against contracts: names, patterns with `*`, or regular "
        "expressions that begin with `^`; empty: none is read",
    )
    messages_producers: dict[str, str] = Field(
        default_factory=dict,
        description="topic, or pattern, to the service that writes to it, where no trace tells it",
    )
    messages_consumers: dict[str, str] = Field(
        default_factory=dict,
        description="topic, or pattern, to the service that reads it, where no trace tells it",
    )
    messages_environment: str = Field(
        default="", description="environment of messages of which no trace tells it"
    )
    deploys: str = Field(
        default="deploys", description="topic of deploy events (CDEvents); empty: not read"
    )


class RetentionSettings(Group):
    """How long rows are kept, counted from the time they were written."""

    halves_days: int = Field(
        default=int(CLOSING.halves_kept / 86400),
        ge=1,
        description="days of half edges and exchanges: how long a window can still be closed again",
    )
    message_hours: int = Field(
        default=24, ge=1, description="hours in which a queued message still finds its producer"
    )
    windows_days: int = Field(default=30, ge=1, description="days of windows of 10 s, sightings")
    hours_months: int = Field(default=13, ge=1, description="months of hourly edges")
    violations_days: int = Field(
        default=30, ge=1, description="days of violations and of shapes of payloads"
    )
    ledger_days: int = Field(
        default=30, ge=1, description="days of the ledger, arrivals and rejects"
    )
    evidence_days: int = Field(default=90, ge=1, description="days of evidence")


class WindowSettings(Group):
    """When a window of 10 s is closed."""

    provisional_seconds: float = Field(
        default=CLOSING.provisional_after,
        ge=0,
        description="seconds after a window's end, by event time or where that goes on with the clock by the clock, until it is first shown",
    )
    seal_seconds: float = Field(
        default=CLOSING.seal_after,
        ge=0,
        description="seconds until it is sealed, and may be judged",
    )
    reclose_seconds: float = Field(
        default=CLOSING.close_again_after,
        ge=0,
        description="least seconds between two closings of one window that is sealed",
    )


class SamplingSettings(Group):
    """What is known of sampling that spans do not tell."""

    unmarked: Literal["none", "biased"] = Field(
        default="none",
        description="spans without sampling marks are whole (`none`) or tail-sampled (`biased`)",
    )


class RejectSettings(Group):
    """When bad input stops the reading."""

    limit_ratio: float = Field(
        default=REJECTS.max_share,
        gt=0,
        le=1,
        description="share of unreadable records at which a pipeline stops loudly, offsets standing; 1: never",
    )
    limit_records: int = Field(
        default=REJECTS.window_records,
        ge=1,
        description="records over which that share is counted; more unreadable ones than that in a row stop it too",
    )


class ContractSettings(Group):
    """How contracts are read and checked."""

    refresh_seconds: float = Field(
        default=REFRESH_SECONDS,
        gt=0,
        description="seconds until a published revision is in use everywhere",
    )
    lenient_nullable: bool = Field(
        default=True,
        description="read OpenAPI 3.0 `nullable` beside `$ref` and without a type leniently",
    )
    unseen_days: int = Field(
        default=30,
        ge=0,
        le=365,
        description="days in which all that a contract documents should be seen; what was not is one event a contract; 0: none",
    )

    schema_folder: Path | None = Field(
        default=None,
        description="folder with schemas that records were written by, named by their id or GUID: `7.avsc`, `8.proto`, `9.json`",
    )
    schema_registry_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="schema registry with Confluent's API, asked for the ids that records name; empty: none is asked",
    )
    schema_registry_username: str = Field(default="", description="user name there")
    schema_registry_password: SecretStr = Field(
        default=SecretStr(""), description="password there"
    )
    broker_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Pact Broker whose pacts are published here, read only; empty: none is asked",
    )
    broker_token: SecretStr = Field(default=SecretStr(""), description="bearer token there")
    broker_username: str = Field(default="", description="user name there, where no token is set")
    broker_password: SecretStr = Field(default=SecretStr(""), description="password there")
    broker_select: list[str] = Field(
        default=["latest"],
        description="which pacts: `latest`, `main` (of consumers' main branches), `branch:NAME`, `environment:NAME` (deployed or released there)",
    )
    recorded_words: list[str] = Field(
        default=[],
        description="pointers, as `/state` or `/lines/*/kind`, where short words of payloads are stored in clear, so that `contracts infer` can list them",
    )
    broker_seconds: float = Field(
        default=60.0, ge=5, le=86_400, description="seconds between two looks"
    )


class DetectionSettings(Group):
    """How deploys are judged."""

    alpha: float = Field(
        default=JUDGING.alpha,
        gt=0,
        lt=1,
        description="share of false findings accepted per deploy",
    )
    page_alpha: float = Field(
        default=1.0 / LIFECYCLE.page_e_value,
        gt=0,
        lt=1,
        description="the stricter share for alerts",
    )
    effect_ratio: float = Field(
        default=JUDGING.floor_ratio,
        gt=1,
        description="a ratio of rates below this is no regression",
    )
    effect_points: float = Field(
        default=JUDGING.floor_difference,
        ge=0,
        lt=1,
        description="a difference of rates below this is no regression",
    )
    latency_ratio: float = Field(default=1.25, gt=1, description="the same for latency")
    calls_share: float = Field(
        default=JUDGING.share_of_calls,
        gt=0,
        le=1,
        description="share of a service's calls that must be shown equal before a pass",
    )
    every_seconds: float = Field(
        default=5.0, gt=0, le=15, description="seconds between two rounds of judging"
    )
    watch_hours: float = Field(
        default=24.0, gt=0, description="hours for which a deploy is watched"
    )

    def judging(self) -> JudgeSettings:
        """As the judge takes it."""
        return JudgeSettings(
            alpha=self.alpha,
            floor_ratio=self.effect_ratio,
            floor_difference=self.effect_points,
            latency_floor_buckets=max(1, int(2**HISTOGRAM_SCALE * math.log2(self.latency_ratio))),
            share_of_calls=self.calls_share,
        )

    accept_weaker_pass: bool = Field(
        default=False,
        description="whether the gate passes a version that never served beside the old one and is no worse than what was before; "
        "a policy file says it itself",
    )
    policy_file: Path | None = Field(
        default=None,
        description="YAML file with the gate's policy: evidence, meaning of inconclusive, criticality, overrides",
    )


class ReceiverSettings(Group):
    """One receiver of alerts."""

    kind: Literal["pagerduty", "slack", "webhook", "alertmanager"]
    url: str = ""
    secret: SecretStr = SecretStr("")
    secret_file: str = ""
    username: str = ""
    teams: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Owner teams whose contracts' events go here, `*` for those of which no receiver names the
    team; then no alerts of deploys do.
    """

    def secret_text(self) -> str:
        """Routing key, signing secret or password; read from `secret_file` when that is set.
        ConfigError when it cannot be read.
        """
        return (
            file_text(self.secret_file, "notify.receivers.*.secret_file")
            if self.secret_file
            else self.secret.get_secret_value()
        )


class NotifySettings(Group):
    """Who is told."""

    enabled: bool = Field(default=False, description="send alerts; without it they are only shown")
    receivers: dict[str, ReceiverSettings] = Field(
        default_factory=dict,
        description="by name: `kind`, `url`, `secret` or `secret_file`, `username`; with `teams` contract events of these owner teams (`*`: of all others) instead of alerts of deploys",
    )
    allow: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(), description="hosts or networks with private addresses that receivers may have"
    )
    group_seconds: float = Field(
        default=LIFECYCLE.hold_seconds,
        ge=0,
        description="seconds a finding must stay before its alert fires; what propagates from it joins the same alert",
    )


class ApiSettings(Group):
    """Where the API and the page listen."""

    host: str = Field(
        default="127.0.0.1",
        description="address to listen on; other than loopback, every request needs a token",
    )
    port: int = Field(
        default=8420, ge=0, le=65535, description="port to listen on; 0: any free one"
    )
    public_url: str = Field(
        default="", description="address under which people reach the page, for links in alerts"
    )
    open_reading: bool = Field(
        default=True,
        description="let the machine itself read without a token; switch it off where a proxy on this machine passes strangers on",
    )
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(),
        description="further names under which the API may be called (Host header), as behind a proxy",
    )
    requests_per_second: float = Field(
        default=50.0, gt=0, description="requests a second that one address may go on making"
    )
    burst: int = Field(default=300, ge=1, description="requests that it may make at once")
    stale_seconds: float = Field(
        default=90.0, gt=0, description="seconds of silence after which a part counts as not ready"
    )
    trace_link: str = Field(
        default="",
        pattern=r"^(https?://.*\{trace_id\}.*)?$",
        description="address in your tracing store that opens a trace, with `{trace_id}` in it; empty: ids are shown as text",
    )


class AliasSettings(Group):
    """Names that mean the same: theirs on the left, telemetry's on the right."""

    services: dict[str, str] = Field(default_factory=dict, description="other names of services")
    versions: dict[str, str] = Field(default_factory=dict, description="other names of versions")
    environments: Annotated[dict[str, str], AfterValidator(_over_the_usual)] = Field(
        default_factory=lambda: dict(DEFAULT_ENVIRONMENTS),
        description="other names of environments, beside the usual short ones; these may be overruled",
    )


class TracingSettings(Group):
    """Our own traces."""

    enabled: bool = Field(default=False, description="export our own traces")
    endpoint: str = Field(
        default="http://127.0.0.1:4318/v1/traces", description="OTLP/HTTP address for them"
    )


class LogSettings(Group):
    """Our own log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level to write"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`auto`: console on a terminal, else JSON lines"
    )


class Settings(BaseSettings):
    """All settings. Made by `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    data_dir: Annotated[Path, BeforeValidator(_folder)] = Field(
        default=Path("data"), description="folder of the embedded stores"
    )
    clickhouse_dsn: SecretStr = Field(
        default=SecretStr(""),
        description="ClickHouse, `clickhouse://user:password@host:port/db` or `https://…`; empty: embedded",
    )
    clickhouse_shards: Annotated[SecretStr, BeforeValidator(_blank_between)] = Field(
        default=SecretStr(""),
        description="DSNs of servers among which spans and exchanges are spread by trace: a list, or one text with blanks between; "
        "`clickhouse_dsn` then holds what is summed of them; neither number nor order may change; empty: one store holds all",
    )
    control_dsn: SecretStr = Field(
        default=SecretStr(""),
        description="PostgreSQL, `postgresql://user:password@host/db`; empty: SQLite in data_dir",
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    topics: TopicSettings = Field(default_factory=TopicSettings)
    windows: WindowSettings = Field(default_factory=WindowSettings)
    sampling: SamplingSettings = Field(default_factory=SamplingSettings)
    rejects: RejectSettings = Field(default_factory=RejectSettings)
    contracts: ContractSettings = Field(default_factory=ContractSettings)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    aliases: AliasSettings = Field(default_factory=AliasSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    tracing: TracingSettings = Field(default_factory=TracingSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    def clickhouse(self) -> str:
        """DSN of the telemetry store, embedded under `data_dir` when none was given."""
        return (
            self.clickhouse_dsn.get_secret_value()
            or f"chdb://{self.data_dir.absolute()}/telemetry"
        )

    def shards(self) -> list[str]:
        """DSNs of the shards, in their order."""
        return self.clickhouse_shards.get_secret_value().split()

    def control(self) -> str:
        """DSN of the control store, SQLite under `data_dir` when none was given."""
        return (
            self.control_dsn.get_secret_value()
            or f"sqlite:///{self.data_dir.absolute()}/control.db"
        )
