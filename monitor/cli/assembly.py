"""The parts put together: stores opened, sources made, pipelines bound to their settings."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from monitor.cli.long_work import prepare
from monitor.cli.names import written_aliases
from monitor.cli.opening import holder_name, open_stores, room_told
from monitor.cli.schemas import known_writers
from monitor.clock import Clock, system_clock
from monitor.config import Settings, policy_of
from monitor.config.groups import file_text
from monitor.control.sequence import next_value
from monitor.control.turn import Turn
from monitor.decode.api_logs import Names
from monitor.decode.topic_records import Parties, fits, is_pattern
from monitor.edges.aliases import Aliases
from monitor.edges.closing import ClosingSettings
from monitor.errors import ConfigError
from monitor.joining.closing import Numbers
from monitor.joining.names import joined
from monitor.joining.registry import RegistryWatch
from monitor.model.policy import Policy
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.store.retention import keep_for
from monitor.store.shards import Shards
from monitor.streams.files import FileSource, Progress
from monitor.streams.framing import Encoding, Framing
from monitor.streams.limit import RejectLimits
from monitor.streams.runner import Pipeline
from monitor.streams.several import SeveralSources
from monitor.streams.source import Source
from monitor.streams.watched import HANGS_SECONDS, WatchedSource
from monitor.telemetry import HealthBoard
from pipelines.api_logs import ApiLogSettings, api_logs
from pipelines.deploys import DeploySettings, deploys
from pipelines.messages import MessageSettings, messages
from pipelines.traces import TraceSettings, traces

if TYPE_CHECKING:
    from monitor.streams.confluent import ConfluentSource
    from monitor.streams.kafka import KafkaSource

CLOSER, DETECTOR, NOTIFIER, BROKER = "windows", "detection", "notify", "pact-broker"
PIPELINES = ("traces", "api-logs", "messages", "deploys")
TOPICS_AT_ONCE = 8
ASK_SECONDS = 10.0
TOGETHER = 4
"""So many batches' small rows are written together where nobody waits for them: an insert has its
fixed cost, and a batch had five. More saves little, and is read again after a crash.
"""


@dataclass(slots=True)
class House:
    """Everything opened for one process, from settings. Parts take values from here, never the
    settings themselves.
    """

    settings: Settings
    store: Store
    engine: Engine
    shards: Shards | None = None
    board: HealthBoard = field(default_factory=HealthBoard)
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Clock = system_clock
    holder: str = field(default_factory=holder_name)

    def __post_init__(self) -> None:
        self.written = written_aliases(self.settings)
        self.aliases = joined(self.written, self.engine)
        borne = self.settings.rejects
        self.limits = RejectLimits(
            borne.limit_ratio, borne.limit_records, max_run=borne.limit_records
        )
        self.reader = Reader(self.store)
        self.policy = policy_of(self.settings)

    written: Aliases = field(init=False)
    aliases: Aliases = field(init=False)
    limits: RejectLimits = field(init=False)
    reader: Reader = field(init=False)
    policy: Policy = field(init=False)

    def turn(self, name: str) -> Turn:
        """The lease of this name for this process."""
        return Turn(self.engine, name, self.holder)

    def numbers(self, turn: Turn) -> Numbers:
        """Generations and publishing numbers from the control store, above all that the telemetry
        store has seen.
        """
        (newest,) = self.store.ask("newest_numbers")
        above = max(int(newest["seq"]), int(newest["generation"]))

        def draw() -> int:
            return next_value(self.engine, "publishing", above)

        return Numbers(draw, lambda: draw() if turn.unbroken() else None)

    def closing(self) -> ClosingSettings:
        """When windows are closed."""
        windows = self.settings.windows
        return ClosingSettings(
            provisional_after=windows.provisional_seconds,
            seal_after=windows.seal_seconds,
            close_again_after=windows.reclose_seconds,
            halves_kept=self.settings.retention.halves_days * 86400.0,
        )

    def pipeline(self, name: str, *, recorded: bool = False, to_end: bool = False) -> Pipeline:
        """One of PIPELINES, bound to the stores; `recorded`: its records come from files; `to_end`:
        nobody waits for them before the end.
        """
        if name == "traces":
            how, registry = self.spans_read(), self.registry()
            if to_end and self.shards is None:  # shards put a batch's rows and arrivals together
                how = replace(how, together=TOGETHER)
            return lambda source: traces(source, self.store, how, self.clock, registry)
        if name == "api-logs":
            rules, contracts = self.api_logs_read(), self.registry()
            return lambda source: api_logs(
                source, self.store, contracts, rules, self.clock, self.stop.is_set
            )
        if name == "messages":
            sent, contracts = self.messages_read(recorded=recorded), self.registry()
            return lambda source: messages(source, self.store, contracts, sent, self.clock)
        read = self.deploys_read()
        return lambda source: deploys(source, self.engine, self.store, read, self.clock)

    @property
    def words(self) -> frozenset[str]:
        """Pointers where words of payloads are stored."""
        return frozenset(self.settings.contracts.recorded_words)

    def spans_read(self) -> TraceSettings:
        """How spans are read."""
        return TraceSettings(
            self.settings.topics.spans_encoding,
            self.aliases,
            self.limits,
            self.settings.sampling.unmarked == "biased",
            self.words,
        )

    def api_logs_read(self) -> ApiLogSettings:
        """How API logs are read."""
        topics = self.settings.topics
        names = Names(topics.api_logs_caller, topics.api_logs_callee, topics.api_logs_environment)
        writers = known_writers(self.settings.contracts)
        return ApiLogSettings(
            topics.api_logs_format,
            topics.api_logs_mapping,
            self.aliases,
            self.limits,
            names,
            writers,
            self.words,
        )

    def messages_read(self, *, recorded: bool = False) -> MessageSettings:
        """How applications' own messages are read; `recorded`: from files, each line of which
        tells its topic.
        """
        topics = self.settings.topics
        parties = Parties(
            topics.messages_producers, topics.messages_consumers, topics.messages_environment
        )
        writers = known_writers(self.settings.contracts)
        return MessageSettings(parties, self.aliases, self.limits, recorded, writers, self.words)

    def deploys_read(self) -> DeploySettings:
        """How deploy events, and versions seen in telemetry, are read."""
        return DeploySettings(self.aliases, self.limits)

    def registry(self) -> RegistryWatch:
        """Contracts, refreshed as set."""
        contracts = self.settings.contracts
        return RegistryWatch(
            self.engine,
            self.aliases,
            refresh_seconds=contracts.refresh_seconds,
            lenient_nullable=contracts.lenient_nullable,
        )

    def topic(self, name: str) -> str:
        """The topic a pipeline reads; empty when it reads none."""
        topics = self.settings.topics
        of_messages = ", ".join(topics.messages)
        return {
            "traces": topics.spans,
            "api-logs": topics.api_logs,
            "messages": of_messages,
            "deploys": topics.deploys,
        }[name]

    def source(self, name: str, *, until_caught_up: bool = False) -> Callable[[], Source]:
        """Makes the pipeline's Kafka source. ConfigError when no brokers or topic are set, or the
        authorities' file cannot be read.
        """
        kafka = self.settings.kafka
        if not kafka.brokers:
            raise ConfigError(
                "no Kafka brokers are set: set SEAMWATCH_KAFKA_BROKERS (or kafka.brokers) to host:port"
            )

        if not self.topic(name):
            setting = {"traces": "spans", "api-logs": "api_logs"}.get(name, name)
            raise ConfigError(
                f"no topic is set for {name}: set SEAMWATCH_TOPICS_{setting.upper()} (or topics.{setting})"
            )

        if kafka.ssl_cafile:
            # the libraries would try to connect again and again
            file_text(kafka.ssl_cafile, "kafka.ssl_cafile")

        # few, and waited for
        seconds = (
            min(kafka.max_batch_seconds, 1.0) if name == "deploys" else kafka.max_batch_seconds
        )

        def one(topic: str, group: str, batch_bytes: int) -> Source:
            source = source_kind(kafka.client)(
                kafka.brokers,
                topic,
                group,
                options=kafka.client_options(),
                start=kafka.start,
                until_caught_up=until_caught_up,
                max_batch_bytes=batch_bytes,
                max_batch_seconds=seconds,
                source_salt=kafka.source_salt,
            )
            return WatchedSource(
                source, f"Kafka topic {topic} at {kafka.brokers}", HANGS_SECONDS + seconds
            )

        if name != "messages":
            return lambda: one(self.topic(name), f"{kafka.group}-{name}", kafka.max_batch_bytes)
        least = max(1, kafka.max_batch_bytes // TOPICS_AT_ONCE)  # several are in memory at once
        return lambda: SeveralSources(
            self.message_topics,
            lambda topic: one(topic, f"{kafka.group}-{name}-{topic}", least),
            what=f"Kafka topics {self.topic(name)} at {kafka.brokers}",
            until_caught_up=until_caught_up,
        )

    def message_topics(self) -> list[str]:
        """The topics of messages that there are now, by the names and patterns of the settings;
        never those of our own input.
        """
        from monitor.streams.kafka_client import topics_of

        kafka, topics = self.settings.kafka, self.settings.topics
        ours = {topics.spans, topics.api_logs, topics.deploys}
        plain = (
            kafka.model_copy(update={"client": "kafka-python"})
            if kafka.client == "confluent"
            else kafka
        )
        return [
            topic
            for topic in topics_of(kafka.brokers, plain.client_options(), ASK_SECONDS)
            if topic not in ours
            and any(
                topic == pattern or (is_pattern(pattern) and fits(pattern, topic))
                for pattern in topics.messages
            )
        ]

    def files(
        self,
        paths: Sequence[Path],
        encoding: Encoding,
        framing: Framing,
        progress: Progress | None = None,
    ) -> FileSource:
        """Recorded files, read in batches as large as Kafka's."""
        return FileSource(
            paths,
            encoding,
            framing,
            progress=progress,
            max_batch_bytes=self.settings.kafka.max_batch_bytes,
        )


def source_kind(client: str) -> "type[KafkaSource | ConfluentSource]":
    """Kafka's reader by the client that settings name; who only asks loads neither."""
    if client == "kafka-python":
        from monitor.streams.kafka import KafkaSource

        return KafkaSource
    from monitor.streams.confluent import ConfluentSource

    return ConfluentSource


@contextmanager
def house(settings: Settings, *, guest: bool = False) -> Iterator[House]:
    """Open both stores; close them at the end. StoreError when another process holds the embedded
    store.

    A `guest` asks and goes: how long rows are kept stays as the last `up` or `run` set it.
    """
    prepare()
    with ExitStack() as doors:
        with room_told(settings.data_dir):
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            shards, engine = open_stores(settings)
            doors.callback(engine.dispose)
            for store in (shards.house, *shards.stores):
                doors.callback(store.close)
            for store in (shards.house, *shards.stores) if not guest else ():
                keep_for(store, settings.retention.model_dump())
            opened = House(settings, shards.house, engine, shards if shards.stores else None)
        yield opened
