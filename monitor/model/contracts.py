"""Contracts and their immutable revisions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

ContractFormat = Literal[
    "openapi",
    "jsonschema",
    "pact",
    "spring-cloud-contract",
    "wiremock",
    "mountebank",
    "asyncapi",
    "avro",
    "protobuf",
    "graphql",
    "timing",
    "ramp-plan",
]
FORMATS: tuple[ContractFormat, ...] = get_args(ContractFormat)

InferredForm = Literal["openapi", "json-schema", "asyncapi", "pact", "wiremock", "mountebank"]
"""The forms in which a contract is inferred from live traffic."""

Level = Literal[
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
    "NONE",
]
"""How far revisions of one schema may differ, in the words of schema registries: who reads whose
data.
"""

LEVELS: tuple[Level, ...] = get_args(Level)

PublishedRole = Literal["contract", "observed", "mock"]
"""A contract is held against its provider. What breaks an observed one is told, and is nobody's
violation yet. A mock stands for the provider, and is nobody's promise.
"""

Role = Literal["contract", "observed", "mock", "withdrawn"]
"""A revision that is `withdrawn` says that from then on nothing is promised; the ones before it
hold until then.
"""

ROLES: tuple[PublishedRole, ...] = get_args(PublishedRole)


@dataclass(frozen=True, slots=True)
class Revision:
    """One immutable revision of a provider's promise, in force per environment over
    [effective_from, effective_to).

    `name` is unique per provider; `number` counts from 1; `document` is the text as published;
    `content_hash` is sha256 of it in hex. `consumer` is empty for a promise to all.
    `provider_version` empty: all versions. `owner` and `contact` are empty where nobody told them.
    """

    name: str
    number: int
    format: ContractFormat
    provider: str
    provider_version: str
    consumer: str
    environment: str
    effective_from: datetime
    effective_to: datetime | None
    document: str
    content_hash: str
    published_at: datetime
    published_by: str = ""
    role: Role = "contract"
    owner: str = ""
    contact: str = ""

    @property
    def binds(self) -> bool:
        """Whether its provider's exchanges are looked at by it: no mock, and not withdrawn."""
        return self.role in ("contract", "observed")

    @property
    def enforced(self) -> bool:
        """Whether what breaks it is a violation."""
        return self.role == "contract"


KEPT = ("consumer", "environment", "role", "owner", "contact")
"""What a new revision takes over from the one before unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class ContractDraft:
    """A revision as somebody asks to publish it; empty text means all. None: as in the revision
    before, or all where there is none.

    Without `effective_from` a first one holds for all time, a later one from now. `owner` is the
    team it belongs to, `contact` how to reach it.
    """

    name: str
    format: str
    provider: str
    document: str
    provider_version: str = ""
    consumer: str | None = None
    environment: str | None = None
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    role: str | None = None
    owner: str | None = None
    contact: str | None = None
