"""`seamwatch config`: what is set, by whom, and whether it can stand."""

import json
import re
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel, SecretStr

from monitor.cli.printing import plain, show
from monitor.cli.session import session_of
from monitor.config import known, layers, policy_of, variable
from monitor.masking import HIDDEN, masked, shown

_SECRET = re.compile(r"password|secret|token|credential|jaas|oauth|key", re.IGNORECASE)
_MAY_BE_SHOWN = re.compile(r"_file$|location$|keyfile$")

commands = typer.Typer(help="What is set, and by whom.", no_args_is_help=True)


@commands.command("show")
def show_settings(
    context: typer.Context,
    form: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", "-f", help="How to print.")
    ] = "table",
) -> None:
    """Every setting with its value, where that comes from, and its variable. Secrets are not
    shown.
    """
    session = session_of(context)
    settings = session.settings()
    sources = layers(session.config, session.flags)
    rows = []
    for name in known():
        source = next(
            (
                source
                for source, values in sources.items()
                if any(key == name or key.startswith(f"{name}.") for key in values)
            ),
            "default",
        )
        rows.append(
            {
                "setting": name,
                "value": _text(_value(settings, name)),
                "from": source,
                "variable": variable(name),
            }
        )
    show(rows, ["setting", "value", "from", "variable"], form)


@commands.command("check")
def check(context: typer.Context) -> None:
    """Read the settings, and the policy file that they name; exits 64 with what is wrong, else
    says where they come from.
    """
    session = session_of(context)
    settings = session.settings()
    policy_of(settings)
    counts = {
        source: len(values)
        for source, values in layers(session.config, session.flags).items()
        if values
    }
    typer.echo(
        "settings are good: "
        + (
            ", ".join(f"{count} from {plain(source)}" for source, count in counts.items())
            or "all defaults"
        )
    )
    for line in worries(settings):
        typer.echo(f"mind: {line}")


def worries(settings: Any) -> list[str]:
    """What may stand but may not be meant."""
    texts = []
    if not settings.kafka.brokers:
        texts.append("kafka.brokers is empty: nothing is read from Kafka")
    if settings.kafka.client == "confluent":
        texts.append(
            "kafka.client is confluent, which unpacks gzip, lz4 and snappy batches without a bound; "
            "where producers are not trusted, bound the process's memory or use kafka-python"
        )
    if settings.kafka.sasl_mechanism and settings.kafka.security_protocol not in {
        "SASL_PLAINTEXT",
        "SASL_SSL",
    }:
        texts.append("kafka.sasl_mechanism is set, but kafka.security_protocol does not log in")
    if (
        settings.kafka.security_protocol == "SASL_PLAINTEXT"
        and settings.kafka.sasl_mechanism == "PLAIN"
    ):
        texts.append(
            "the Kafka password travels in clear; kafka.security_protocol = SASL_SSL protects it"
        )
    if settings.notify.enabled and not settings.notify.receivers:
        texts.append("notify.enabled is set, but there are no notify.receivers")
    if settings.windows.seal_seconds < settings.windows.provisional_seconds:
        texts.append(
            "windows.seal_seconds is below windows.provisional_seconds: windows are sealed when first shown"
        )
    return texts


def _value(settings: BaseModel, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, dict):
        return json.dumps({key: _shown(key, entry) for key, entry in value.items()}, default=str)
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    if isinstance(value, str) and ("://" in value or "@" in value):
        return shown(value)
    return masked(str(value))


def _shown(name: str, value: object) -> object:
    """An entry of a table setting without what may be secret: passwords of the Kafka client, and
    receivers' URLs, whose path often is one.
    """
    if isinstance(value, BaseModel):
        return {key: _shown(key, entry) for key, entry in value.model_dump().items()}
    if isinstance(value, SecretStr):
        return _text(value)
    if name == "url" and isinstance(value, str) and value:
        return shown(value, with_path=False)
    if value and not _MAY_BE_SHOWN.search(name) and _SECRET.search(name):
        return HIDDEN
    return _text(value) if isinstance(value, str) else value
