"""A Kafka record as contracts see it: its topic, its headers, and what it carries behind its
envelope.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from monitor.contracts.framing import Frame, Writers, framed, nobody
from monitor.contracts.limits import PAYLOAD_LIMITS, PayloadLimits
from monitor.contracts.payloads import MEDIA_TYPE, NOT_JSON, TRUNCATED, Payload, is_json_type
from monitor.model.exchanges import Body

CLOUDEVENT = "application/cloudevents"
"""https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md:
how a structured one begins.
"""


class Carried(Payload):
    """One record. A record is told whole, so that text which ends too early is no JSON, and nobody
    cut it.

    `headers` by name in lower case. Not thread-safe.
    """

    __slots__ = ("_content", "_frame", "_kept", "_plain", "headers", "topic", "writers")

    def __init__(
        self,
        topic: str,
        body: Body,
        headers: Mapping[str, str],
        *,
        truncated: bool = False,
        limits: PayloadLimits = PAYLOAD_LIMITS,
        writers: Writers = nobody,
    ) -> None:
        super().__init__(body, headers, truncated=truncated, limits=limits)
        self.writers = writers
        self._frame: Frame | Literal[False] | None = False  # not looked for yet
        self._plain: Carried | None = None
        self._kept = truncated
        self.topic = topic
        self.headers = headers
        self._content: Carried | None = None

    @property
    def frame(self) -> Frame | None:
        """What a registry's client put before it; None when there is nothing of that kind, or the
        value cannot be looked at.
        """
        if self._frame is False:
            raw, problem = self.raw()
            self._frame = (
                framed(raw, self.headers) if isinstance(raw, bytes) and not problem else None
            )
        return self._frame

    @property
    def plain(self) -> "Carried":
        """The value behind its frame, where the frame can be told from text: JSON
        never begins so.
        """
        frame = self.frame
        if frame is None or frame.told:
            return self
        if self._plain is None:
            self._plain = _Unpacked(self, frame.body, self.media)
        return self._plain

    @property
    def problem(self) -> str:
        """As a payload's."""
        problem = super().problem
        return NOT_JSON if problem == TRUNCATED and not self._kept else problem

    def content(self, media: str) -> "Carried":
        """What a clause for this media type speaks of: of a CloudEvent in structured mode its
        data, unless it speaks of the event.

        A record that does not tell its type is of the type that the contract tells.
        """
        if is_json_type(media) and self.plain is not self:
            return self.plain.content(media)
        if not self.media and is_json_type(media) and self.problem == MEDIA_TYPE:
            return _Given(self, media, None, NOT_JSON)
        if not self.media.startswith(CLOUDEVENT) or media.startswith(CLOUDEVENT):
            return self
        if self._content is None:
            self._content = self._data()
        return self._content

    def _data(self) -> "Carried":
        problem = self.problem
        if problem or not isinstance(self.value, dict):
            return _Given(self, "", None, problem or NOT_JSON)
        event = self.value
        media = str(event.get("datacontenttype") or "application/json").strip().lower()
        packed = event.get("data_base64")
        if isinstance(packed, str):
            try:
                return _Unpacked(self, base64.b64decode(packed, validate=True), media)
            except (binascii.Error, ValueError):
                return _Given(self, media, None, NOT_JSON)
        data = event.get("data")
        if data is None:
            return _Unpacked(self, None, media)
        if isinstance(data, str) and not is_json_type(media):
            return _Unpacked(self, data, media)
        return _Given(self, media, data, "" if is_json_type(media) else MEDIA_TYPE)


class _Unpacked(Carried):
    """The data of an event, as bytes or text."""

    __slots__ = ()

    def __init__(self, event: Carried, body: Body, media: str) -> None:
        super().__init__(
            event.topic,
            body,
            {**event.headers, "content-type": media},
            limits=event.limits,
            writers=event.writers,
        )


class _Given(Carried):
    """The data of an event, decoded with the event."""

    __slots__ = ()

    def __init__(self, event: Carried, media: str, value: Any, problem: str) -> None:
        super().__init__(
            event.topic,
            _written(value),
            {**event.headers, "content-type": media},
            limits=event.limits,
        )
        self._value, self._problem = value, problem


def _written(value: Any) -> Body:
    """As JSON; None for what orjson cannot write: an integer of more than 64 bits."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None
