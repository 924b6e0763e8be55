"""The parts put together: stores opened, sources made, pipelines bound to their settings."""

import errno
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from monitor.alerts.addresses import AddressRules
from monitor.alerts.lifecycle import LifecycleSettings
from monitor.alerts.receivers import make_sender
from monitor.alerts.sender import Sender
from monitor.api.parts import ApiConfig, GateAnswer, Parts
from monitor.cli.long_work import prepare
from monitor.cli.names import written_aliases
from monitor.cli.schemas import known_writers
from monitor.clock import Clock, system_clock
from monitor.config import Settings, policy_of, read_policy
from monitor.config.groups import ContractSettings, file_text
from monitor.control.sequence import next_value
from monitor.control.store import open_control
from monitor.control.turn import Turn
from monitor.decode.api_logs import Names
from monitor.decode.topic_records import Parties, fits, is_pattern
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import Aliases
from monitor.edges.closing import ClosingSettings
from monitor.errors import ConfigError, StoreError
from monitor.joining.alerting import NotifySettings, trial_alert
from monitor.joining.awaited import AwaitedRevisions
from monitor.joining.breaking import BreakWatch
from monitor.joining.broker import PactBroker
from monitor.joining.closing import Numbers
from monitor.joining.detecting import DetectionSettings, Detector
from monitor.joining.gate import asked, evaluate_gate
from monitor.joining.names import joined
from monitor.joining.outside import OutsideWatch
from monitor.joining.ramp_plans import RampPlanWatch
from monitor.joining.registry import RegistryWatch
from monitor.joining.timing_events import TimingWatch
from monitor.joining.unseen import UnseenWatch
from monitor.model.policy import Policy
from monitor.store import Store
from monitor.store.places import open_spread
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
from pipelines.deploys import DeploySettings, VersionWatch, deploys
from pipelines.messages import MessageSettings, messages
from pipelines.traces import TraceSettings, traces

if TYPE_CHECKING:
    from monitor.streams.confluent import ConfluentSource
    from monitor.streams.kafka import KafkaSource

CLOSER, DETECTOR, NOTIFIER, BROKER = "windows", "detection", "notify", "pact-broker"
SCHEMA, SCHEMA_PAUSE_SECONDS, SCHEMA_LEASE_SECONDS = "schema", 0.2, 10.0
"""Who brings servers up to date; one that is killed at it is waited for so long."""
PIPELINES = ("traces", "api-logs", "messages", "deploys")
TOPICS_AT_ONCE = 8
ASK_SECONDS = 10.0
LEAST_ROOM_BYTES = 2_000_000
"""ClickHouse reserves 1 MiB for a write, and SQLite makes its log anew at each start."""


def _holder() -> str:
    """A name under which one process, or one start of it, holds leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


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
    holder: str = field(default_factory=_holder)

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

    def pipeline(self, name: str, *, recorded: bool = False) -> Pipeline:
        """One of PIPELINES, bound to the stores; `recorded`: its records come from files."""
        if name == "traces":
            how, registry = self.spans_read(), self.registry()
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

    def broker(self) -> PactBroker | None:
        """The Pact Broker of the settings; None where none is set."""
        return pact_broker(self.settings.contracts)

    def detector(self) -> Detector:
        """Judges deploys."""
        return Detector(
            self.reader, self.engine, self.store, self.watching(), aliases=self.aliases
        )

    def times(self) -> TimingWatch:
        """Holds the times that contracts tell against calls."""
        return TimingWatch(self.reader, self.engine, self.store, self.aliases)

    def ramp_plans(self) -> RampPlanWatch:
        """Holds ramp plans against live traffic."""
        return RampPlanWatch(self.engine, self.store, self.aliases)

    def watching(self) -> DetectionSettings:
        """How deploys are judged, and for how long."""
        return DetectionSettings(
            self.judging(), timedelta(hours=self.settings.detection.watch_hours)
        )

    def judging(self) -> JudgeSettings:
        """How deploys are judged."""
        return self.settings.detection.judging()

    def breaks(self) -> BreakWatch:
        """Which clauses broke anew, again, or are broken no longer."""
        return BreakWatch(self.store, self.engine)

    def unseen(self) -> UnseenWatch:
        """What contracts document and nobody used for long."""
        contracts = self.settings.contracts
        return UnseenWatch(
            self.reader,
            self.engine,
            self.aliases,
            contracts.unseen_days,
            lenient_nullable=contracts.lenient_nullable,
        )

    def outside(self) -> OutsideWatch:
        """Third parties' answers that are otherwise than they were."""
        return OutsideWatch(self.reader, self.engine)

    def awaited(self) -> AwaitedRevisions:
        """Publishes what was approved from a deploy on."""
        return AwaitedRevisions(self.engine, self.aliases)

    def versions(self) -> VersionWatch:
        """Turns versions seen in telemetry into deploys."""
        return VersionWatch(self.reader, self.engine, self.deploys_read())

    def gate(
        self, service: str, version: str, environment: str | None, last_look: bool, policy: str
    ) -> GateAnswer:
        """Judge by what is sealed now. `policy` is the text of one that the caller brings: it
        stands in for the settings' where these name no file, else both apply.
        """
        brought = (read_policy(policy, "the policy that was sent"),) if policy else ()
        own = (self.policy,) if self.settings.detection.policy_file or not brought else ()
        request = asked(
            joined(self.written, self.engine), service, version, environment, self.judging()
        )
        return evaluate_gate(
            self.reader,
            self.engine,
            replace(request, last_look=last_look, policies=(*own, *brought)),
            self.clock(),
        )

    def api(self, local_token: str) -> Parts:
        """What the API and the page are made of; `local_token` opens everything to commands on
        this machine.
        """

        def trial(name: str) -> str:
            self.senders()[name].send(trial_alert(name, self.clock()))
            return "sent"

        return Parts(
            reader=self.reader,
            store=self.store,
            shards=self.shards.stores if self.shards else (),
            engine=self.engine,
            board=self.board,
            clock=self.clock,
            config=self.answering(local_token),
            gate=self.gate,
            receivers={name: partial(trial, name) for name in self.settings.notify.receivers},
            stop=self.stop,
        )

    def answering(self, local_token: str) -> ApiConfig:
        """How the API behaves."""
        api, tracing = self.settings.api, self.settings.tracing
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
            closes_after_seconds=self.settings.windows.provisional_seconds,
            trace_link=api.trace_link,
            traces_to=tracing.endpoint if tracing.enabled else "",
            aliases=self.written,
            longest_override_hours=self.policy.overrides.longest_hours,
            criticality=self.policy.criticality,
        )

    def senders(self) -> dict[str, Sender]:
        """Receivers by name."""
        notify = self.settings.notify
        rules = AddressRules(notify.allow)
        return {
            name: make_sender(
                name,
                receiver.kind,
                url=receiver.url,
                secret=receiver.secret_text(),
                username=receiver.username,
                rules=rules,
            )
            for name, receiver in notify.receivers.items()
        }

    def notifying(self, link_base: str) -> NotifySettings:
        """Whether and how receivers are told."""
        notify = self.settings.notify
        life = LifecycleSettings(
            hold_seconds=notify.group_seconds,
            page_e_value=1.0 / self.settings.detection.page_alpha,
            link_base=link_base,
        )
        teams = {
            name: receiver.teams for name, receiver in notify.receivers.items() if receiver.teams
        }
        return NotifySettings(enabled=notify.enabled, lifecycle=life, teams=teams)


def source_kind(client: str) -> "type[KafkaSource | ConfluentSource]":
    """Kafka's reader by the client that settings name; who only asks loads neither."""
    if client == "kafka-python":
        from monitor.streams.kafka import KafkaSource

        return KafkaSource
    from monitor.streams.confluent import ConfluentSource

    return ConfluentSource


def pact_broker(settings: ContractSettings) -> PactBroker | None:
    """The Pact Broker that the settings name; None where none is. ConfigError for an address or a
    selection that cannot be read.
    """
    if not settings.broker_url:
        return None
    return PactBroker(
        settings.broker_url,
        token=settings.broker_token.get_secret_value(),
        username=settings.broker_username,
        password=settings.broker_password.get_secret_value(),
        select=settings.broker_select,
    )


@contextmanager
def house(settings: Settings, *, guest: bool = False) -> Iterator[House]:
    """Open both stores; close them at the end. StoreError when another process holds the embedded
    store.

    A `guest` asks and goes: how long rows are kept stays as the last `up` or `run` set it.
    """
    prepare()
    with ExitStack() as doors:
        with _room_told(settings.data_dir):
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            shards, engine = open_stores(settings)
            doors.callback(engine.dispose)
            for store in (shards.house, *shards.stores):
                doors.callback(store.close)
            for store in (shards.house, *shards.stores) if not guest else ():
                keep_for(store, settings.retention.model_dump())
            opened = House(settings, shards.house, engine, shards if shards.stores else None)
        yield opened


def open_stores(settings: Settings) -> tuple[Shards, Engine]:
    """The telemetry store, or the house and its shards, and the control store, brought up to date.

    Processes that start together over servers open them one after the other, under a lease of the
    control store: schema files that two run at once undo each other's work. An embedded store has
    a lock of its own, which is taken first: the control store beside it is its holder's.
    """
    with ExitStack() as doors:
        if not settings.shards() and settings.clickhouse().startswith("chdb:"):
            shards = open_spread(settings.clickhouse(), [])
            doors.callback(shards.house.close)
            engine = open_control(settings.control())
        else:
            engine = open_control(settings.control())
            doors.callback(engine.dispose)
            with Turn(engine, SCHEMA, _holder(), SCHEMA_LEASE_SECONDS).kept() as turn:
                while not turn.keep():
                    time.sleep(SCHEMA_PAUSE_SECONDS)
                with turn.working():
                    shards = open_spread(settings.clickhouse(), settings.shards())
        doors.pop_all()
    return shards, engine


OTHER_CAUSES = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
)
"""What an operating system says of a folder that cannot be used, however much room there is."""


@contextmanager
def _room_told(folder: Path) -> Iterator[None]:
    """A store that cannot be opened because the disk is full says so, whichever it is and whatever
    it complained of.
    """
    try:
        yield
    except (StoreError, OSError) as error:
        place = next(
            (parent for parent in (folder, *folder.absolute().parents) if parent.is_dir()),
            Path("/"),
        )
        free = shutil.disk_usage(place).free
        # some file systems, /proc for one, always tell that nothing is free
        elsewhere = isinstance(error, OSError) and error.errno in OTHER_CAUSES
        if free < LEAST_ROOM_BYTES and not elsewhere:
            raise StoreError(
                f"the disk of {folder} is full ({free} bytes are free): {error}; free some, then start again"
            ) from error
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"the data folder {folder} cannot be used ({error.strerror}); set SEAMWATCH_DATA_DIR"
        ) from error
