"""Reading settings: a file, the environment, flags; and what is wrong with them."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from monitor.config.groups import Group, Settings, file_text
from monitor.errors import ConfigError
from monitor.masking import HIDDEN

_NAME = re.compile(r"[\w.\-]{1,200}")
PREFIX = "SEAMWATCH_"
DEFAULT_FILE = Path("seamwatch.toml")
# Variables that are read elsewhere and are no settings.
OTHER_VARIABLES = frozenset(
    {"SEAMWATCH_CONFIG", "SEAMWATCH_API_URL", "SEAMWATCH_API_TOKEN", "SEAMWATCH_CONFORMANCE_DATA"}
)
# the capture kit reads its own (monitor/capture/environment.py)
OTHER_PREFIXES = ("SEAMWATCH_TEST_", "SEAMWATCH_CAPTURE_")


Layers = dict[str, Mapping[str, Any]]
"""Where settings came from, strongest first: "flags", "environment", then the file's name; each
flat, by dotted name.
"""


def load(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from flags (by dotted name; None is not given), environment and file, in this order
    of strength.

    The file is `config`, else SEAMWATCH_CONFIG, else ./seamwatch.toml when there is one.
    ConfigError names an unknown setting with the nearest known one, or a value that does not fit,
    and where it was said.
    """
    sources = layers(config, flags, environ)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *_: PydanticBaseSettingsSource,
            **__: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_Layer(settings_cls, _nested(values)) for values in sources.values())

    try:
        return Loaded()
    except ValidationError as error:
        raise ConfigError("\n".join(_complaints(error, sources))) from None


def layers(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Layers:
    """What each source says, flat by dotted name, unknown names refused; ConfigError as `load`."""
    environ = os.environ if environ is None else environ
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    sources: Layers = {"flags": given, "environment": _from_environment(environ)}
    named = config or (
        Path(environ["SEAMWATCH_CONFIG"]) if environ.get("SEAMWATCH_CONFIG") else None
    )
    path = named or DEFAULT_FILE
    if named or path.is_file():
        sources[str(path)] = _from_file(path)
    for source, values in sources.items():
        for name in values:
            _must_be_known(name, source)
    return sources


def known() -> dict[str, FieldInfo]:
    """Every setting by dotted name."""
    return dict(_leaves(Settings, ""))


def variable(name: str) -> str:
    """The environment variable of a setting: `kafka.brokers` is SEAMWATCH_KAFKA_BROKERS."""
    return PREFIX + name.replace(".", "_").upper()


class _Layer(PydanticBaseSettingsSource):
    """One source of settings, already read."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = dict(values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base class asks for it
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


def _leaves(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield from _leaves(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _is_table(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is dict


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {variable(name): name for name in known()}
    names |= {PREFIX + name.upper().replace(".", "__"): name for name in known()}
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if (
            not name.startswith(PREFIX)
            or name in OTHER_VARIABLES
            or name.startswith(OTHER_PREFIXES)
        ):
            continue
        plain = name.removesuffix("_FILE")
        if name in names:
            values[names[name]] = _read(text, known()[names[name]], name)
        elif plain in names and known()[names[plain]].annotation is SecretStr:
            values[names[plain]] = file_text(text, name)
        else:
            near = difflib.get_close_matches(name, names, 1, 0.6)
            raise ConfigError(
                f"unknown setting {name} in the environment{_did_you_mean(near)}; `seamwatch config show` lists all"
            )
    return values


def _read(text: str, field: FieldInfo, name: str) -> object:
    if not _is_table(field):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name} must be a JSON object: {error}") from None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"the settings file {path} cannot be read: {error.strerror}; check --config and SEAMWATCH_CONFIG"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings file {path} is not TOML: {error}") from None
    return dict(_flat(document, ""))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, dict) and dotted not in known():
            if not value and dotted not in Settings.model_fields:
                yield dotted, value
            yield from _flat(value, f"{dotted}.")
        else:
            yield dotted, value


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        group, _, leaf = name.rpartition(".")
        (tree.setdefault(group, {}) if group else tree)[leaf] = value
    return tree


def _must_be_known(name: str, source: str) -> None:
    if name in known():
        return
    near = difflib.get_close_matches(name, known(), 1, 0.6)
    raise ConfigError(
        f"unknown setting {_told(name)} in {source}{_did_you_mean(near)}; `seamwatch config show` lists all"
    )


def _told(name: str) -> str:
    """A name up to where it is none any more: who puts an address in a name's place may have put a
    secret there.
    """
    plain = _NAME.match(name)
    begin = plain[0] if plain else ""
    return name if begin == name else begin + HIDDEN


def _did_you_mean(near: list[str]) -> str:
    return f", did you mean {near[0]}?" if near else ""


def _complaints(error: ValidationError, sources: Layers) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(map(str, fault["loc"]))
        setting = ".".join(_told(str(part)) for part in fault["loc"])
        source = next(
            (
                source
                for source, values in sources.items()
                if any(name.startswith(key) for key in values)
            ),
            "the defaults",
        )
        yield f"setting {setting} ({variable(setting)}) in {source}: {fault['msg'].removeprefix('Value error, ')}"


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words a setting may have; empty when any."""
    return (
        tuple(map(str, get_args(field.annotation)))
        if get_origin(field.annotation) is Literal
        else ()
    )
