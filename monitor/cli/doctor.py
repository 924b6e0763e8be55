"""`seamwatch doctor`: what is here, what is reachable, and what the topics hold."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from monitor.cli.printing import FormatOption, show
from monitor.cli.session import session_of
from monitor.cli.settings import worries
from monitor.cli.sign import Sign
from monitor.config import Settings, policy_of
from monitor.errors import ConfigError, MonitorError, TopicMissing
from monitor.masking import masked

if TYPE_CHECKING:
    from monitor.store import Store
    from monitor.store.shards import Shards

LOW_DISK_BYTES = 2_000_000_000
OLD_SECONDS = 300
MOST_EDGES = 9
PACKAGES = {
    "crc32c": "native checksum of Kafka batches; without it reading costs 20 times the CPU",
    "lz4.frame": "codec",
    "snappy": "codec",
    "zstandard": "codec",
    "chdb": "embedded ClickHouse",
    "jsonschema_rs": "contract engine",
    "confluent_kafka": "the other Kafka client, and the demo's broker",
}


def doctor(
    context: typer.Context,
    kafka: Annotated[
        bool, typer.Option("--kafka", help="Also read a sample of each topic.")
    ] = False,
    records: Annotated[int, typer.Option(help="Records of a sample.", min=1, max=100_000)] = 500,
    form: FormatOption = "table",
) -> int:
    """Look at everything Seamwatch needs; exits 0 when nothing is bad, else 70."""
    signs = [*_python(), *_packages(), decoder_sign()]
    try:
        settings = session_of(context).settings()
    except ConfigError as error:
        signs.append(Sign("settings", "bad", str(error)))
    else:
        beside = running(settings)
        signs += (
            [Sign("settings", "mind", line) for line in worries(settings)] if not beside else []
        )
        signs += beside or (
            [] if signs[-1].what == "settings" else [Sign("settings", "good", "can be read")]
        )
        signs += _tried("policy", _policy, settings)
        signs += [
            *_folder(settings.data_dir),
            *_tried("stores", _stores, settings),
            *_tried("receivers", _receivers, settings),
        ]
        signs += _tried("pact broker", _pact_broker, settings)
        signs += _tried("kafka", _kafka, settings)
        if kafka and not settings.kafka.brokers:
            signs.append(
                Sign("kafka sample", "bad", "kafka.brokers is empty; set SEAMWATCH_KAFKA_BROKERS")
            )
        elif kafka and not any(sign.what == "kafka" for sign in signs):
            from monitor.cli.doctor_kafka import samples

            signs += _tried("kafka sample", lambda given: samples(given, records), settings)
    show([sign._replace(said=masked(sign.said))._asdict() for sign in signs], Sign._fields, form)
    return 70 if any(sign.state == "bad" for sign in signs) else 0


def _tried(
    what: str, look: Callable[[Settings], Iterator[Sign]], settings: Settings
) -> list[Sign]:
    signs: list[Sign] = []
    try:
        signs.extend(look(settings))
    except MonitorError as error:
        signs.append(Sign(what, "bad", str(error)))
    return signs


def _python() -> Iterator[Sign]:
    version = sys.version.split()[0]
    yield Sign("python", "good" if sys.version_info >= (3, 11) else "bad", version)


def _packages() -> Iterator[Sign]:
    for name, use in PACKAGES.items():
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            yield Sign(name, "bad", f"cannot be imported ({error}): {use}; run `make install`")
        else:
            yield Sign(name, "good", f"{getattr(module, '__version__', '')} {use}".strip())


def decoder_sign() -> Sign:
    """Which decoder reads spans."""
    from monitor import native

    return Sign(
        "span decoder", "mind" if native.BUILT is None else "good", native.decoder_in_use()
    )


def _policy(settings: Settings) -> Iterator[Sign]:
    policy = policy_of(settings)
    if settings.detection.policy_file is not None:
        yield Sign(
            "policy", "good", f"{settings.detection.policy_file}: {len(policy.rules)} rules"
        )


def _folder(folder: Path) -> Iterator[Sign]:
    place = next(
        parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists()
    )
    free = shutil.disk_usage(place).free
    state: Literal["good", "mind"] = "good" if free > LOW_DISK_BYTES else "mind"
    yield Sign("data folder", state, f"{folder.absolute()}, {free / 1e9:.1f} GB free")


def _stores(settings: Settings) -> Iterator[Sign]:
    from monitor.cli.opening import open_stores
    from monitor.clock import system_clock
    from monitor.control.gate_answers import gate_counts
    from monitor.control.store import open_control
    from monitor.store.lock import read_holder

    holder = read_holder(settings.data_dir.absolute())
    if holder is not None:
        yield Sign(
            "seamwatch up",
            "good",
            f"runs as process {holder.pid}, API at {holder.address or 'none'}; the embedded store is its",
        )
    if holder is None or settings.clickhouse_dsn.get_secret_value():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        shards, engine = open_stores(settings)
        store = shards.house
        try:
            store.ping()
            rows = _coverage(store, system_clock())
            spread = [*_shards(shards)]
        finally:
            for opened in (store, *shards.stores):
                opened.close()
        yield Sign("telemetry store", "good", "opened, answers, tables are up to date")
        yield from spread
        yield from edge_signs(rows)
    else:
        engine = open_control(settings.control())
    yield Sign("control store", "good", "opened, tables are up to date")
    now = system_clock()
    gates = gate_counts(engine, since=now - timedelta(days=7), now=now)
    engine.dispose()
    yield from gate_signs(gates.answers, gates.flips, gates.overrides)


def _shards(shards: "Shards") -> Iterator[Sign]:
    """Whether each shard answers, and how far its closer is behind the house's newest window."""
    from monitor.joining.shard_states import states_of

    for state in states_of(shards.stores):
        what, behind = f"shard {state.number}", state.behind_seconds
        if not state.answers:
            yield Sign(what, "bad", state.trouble)
        elif behind is not None and behind > OLD_SECONDS:
            yield Sign(
                what, "mind", f"its closer is {behind:.0f} s behind: no window is shown without it"
            )
        else:
            yield Sign(what, "good", "answers, tables are up to date, in its place")


def gate_signs(answers: int, flips: int, overrides: int) -> list[Sign]:
    """How steady the gate's word was in the last week, and who overrules it now; nothing where it
    was not asked.
    """
    signs = []
    if answers:
        sentence = f"{flips} of {answers} answers of the last 7 days were flips on unchanged code"
        signs.append(Sign("gate", "mind" if flips else "good", sentence))
    if overrides:
        signs.append(
            Sign(
                "overrides", "mind", f"{overrides} in force; `seamwatch override list` names them"
            )
        )
    return signs


def _coverage(store: "Store", now: datetime) -> list[dict[str, Any]]:
    """What the API tells at /v1/coverage, of the last 24 hours."""
    from monitor.advice import unchecked

    asked = {
        "since": now - timedelta(days=1),
        "until": now,
        "environment": "",
        "limit": 500,
        "offset": 0,
    }
    return [
        {
            **row,
            "unchecked": [
                asdict(gap)
                for gap in unchecked(
                    row["calls"], row["checked"], row["not_checked"], row["protocol"]
                )
            ],
        }
        for row in store.query("panels/coverage", asked)
    ]


def edge_signs(coverage: Sequence[Mapping[str, Any]]) -> list[Sign]:
    """Edges of which nothing could be checked, the busiest first, and what would help most; in all
    at most ten lines.
    """
    mute = sorted(
        (row for row in coverage if not row["checked"] and row["unchecked"]),
        key=lambda row: -row["calls"],
    )
    signs = []
    for row in mute[:MOST_EDGES]:
        first = row["unchecked"][0]
        text = f"nothing is checked: {first['why'] or first['reason']} ({first['calls']:,} calls). {first['help']}".rstrip(
            ". "
        )
        signs.append(Sign(f"{row['caller']} → {row['callee']}", "mind", text))
    if len(mute) > MOST_EDGES:
        signs.append(
            Sign(
                "other edges",
                "mind",
                f"nothing is checked of {len(mute) - MOST_EDGES} more; the page's health lists them",
            )
        )
    return signs


def running(settings: Settings) -> list[Sign]:
    """What the process that holds the embedded store says of itself; empty when there is none. Its
    settings are its own: what this command was started with says nothing about what it reads.
    """
    from monitor.cli.client import api
    from monitor.store.lock import read_holder

    holder = read_holder(settings.data_dir.absolute())
    if holder is None or not holder.address:
        return []
    what = "running process"
    signs = [
        Sign(
            "settings", "good", f"can be read; process {holder.pid} runs with its own, told below"
        )
    ]
    try:
        with api(settings) as there:
            health = there.get("/v1/health")
            coverage = there.get("/v1/coverage", limit=500)
    except MonitorError as error:
        return [*signs, Sign(what, "bad", str(error))]
    signs.append(
        Sign(
            what,
            "good" if health["ready"] else "bad",
            "; ".join(health["reasons"]) or f"ready at {holder.address}",
        )
    )
    topics: dict[str, int] = {}
    for mark in health["watermarks"]:
        topics[mark["topic"]] = topics.get(mark["topic"], 0) + 1
    age = (health.get("data") or {}).get("newest_window_age_seconds")
    if age is not None:
        signs.append(
            Sign(
                "its data",
                "good" if age < OLD_SECONDS else "mind",
                f"the newest window ended {age:,.0f} s ago",
            )
        )
    signs += gate_signs(
        health["gates"]["answers"], health["gates"]["flips"], health["gates"]["overrides"]
    )
    signs += edge_signs(coverage)
    read = ", ".join(f"{topic} ({count} partitions)" for topic, count in sorted(topics.items()))
    signs.append(Sign("it reads", "good" if read else "mind", read or "nothing yet"))
    for part in health["components"]:
        fine = part["ready"] and not part["stale"]
        state: Literal["good", "mind", "bad"] = (
            "bad" if not fine else "mind" if part["reason"] else "good"
        )
        last = f"last word {part['age_seconds']:.0f} s ago"
        signs.append(
            Sign(
                f"its part {part['component']}",
                state,
                "; ".join(filter(None, (part["reason"], last))),
            )
        )
    return signs


def _receivers(settings: Settings) -> Iterator[Sign]:
    from monitor.cli.receivers import sender_of

    if not settings.notify.enabled:
        yield Sign("alerts", "good", "are shown and not sent: notify.enabled is false")
    for name, receiver in settings.notify.receivers.items():
        sender_of(settings, name)
        yield Sign(
            f"receiver {name}",
            "good",
            f"{receiver.kind}; POST /v1/receivers/{name}/test sends a test alert",
        )


def _pact_broker(settings: Settings) -> Iterator[Sign]:
    from monitor.cli.pact_brokers import pact_broker

    broker = pact_broker(settings.contracts)
    if broker is not None:
        yield Sign("pact broker", "good", broker.greet())


def _kafka(settings: Settings) -> Iterator[Sign]:
    from monitor.decode.topic_records import is_pattern
    from monitor.streams.kafka_client import check_codecs, topic_facts, topics_of

    check_codecs()
    kafka = settings.kafka
    if not kafka.brokers:
        return
    options = (
        kafka.model_copy(update={"client": "kafka-python"}).client_options()
        if kafka.client == "confluent"
        else kafka.client_options()
    )
    setting = settings.topics
    named = [topic for topic in setting.messages if not is_pattern(topic)]
    topics = [
        topic for topic in (setting.spans, setting.api_logs, *named, setting.deploys) if topic
    ]
    # Asked once: a broker that does not answer is waited for once, not for each topic.
    topics_of(kafka.brokers, options, 10.0)
    for topic in topics:
        try:
            facts = topic_facts(kafka.brokers, topic, options, kafka.source_salt, 10.0)
        except TopicMissing as error:
            main = topic == topics[0]
            yield Sign(
                f"topic {topic}",
                "bad" if main else "mind",
                str(error) + ("" if main else "; it is optional"),
            )
        except MonitorError as error:
            yield Sign(f"topic {topic}", "bad", str(error))
        else:
            yield Sign(f"topic {topic}", "good", f"{facts.partitions} partitions")
