"""What to tell of input that cannot be read: what its bytes look like, and which setting or option
reads them.
"""

from typing import Literal

from monitor.decode.api_logs import FORMATS, source_of_form
from monitor.model.forms import API_LOG_FORMS, DEPLOY_FORMS, SPAN_ENCODINGS, looks
from monitor.store import Store

Kind = Literal["spans", "api-logs", "messages", "deploys"]

Asker = Literal["replay", "decode"]
"""Which command is run: each has an option of its own for who wrote API logs."""
_OPTIONS = {
    "replay": ("replay's --format", "in replay --format"),
    "decode": ("--source", "here --source"),
}
_HOLDS = {
    "spans": "OTLP, Jaeger or Zipkin spans",
    "api-logs": "API logs",
    "messages": "records as kcat -J writes them, one a line",
    "deploys": "CDEvents or objects with service and version",
}
_SETTING = {
    "spans": "topics.spans",
    "api-logs": "topics.api_logs",
    "messages": "topics.messages",
    "deploys": "topics.deploys",
}
_HOW = {
    "spans": f"topics.spans_encoding (auto, {', '.join(SPAN_ENCODINGS)}), or replay's --encoding and --framing",
    "api-logs": f"topics.api_logs_format ({', '.join(FORMATS)}), or {{option}}",
    "messages": "replay's --kind",
    "deploys": "topics.deploys, or replay's --kind",
}
_BROKEN = {
    "not_otlp_proto": "they are no message of OTLP's, Jaeger's or Zipkin's",
    "not_json": "they are no whole JSON",
    "no_spans": "they hold no spans",
    "empty": "they are empty",
    "no_topic": "they name no topic",
    "unknown_source": "they are JSON of no source that we know; topics.api_logs_format=mapping tells where its fields stand",
    "partial_line": "they are pieces of lines; the shipper must join them (Fluent Bit: multiline.parser docker, cri)",
    "no_request": "they tell of no request (a scan, or a connection that ended before one)",
    "no_time": "they tell no time; add one to the log's format",
    "no_path": "they tell no path; add it to the log's format",
    "no_method": "they tell no method; add it to the log's format",
    "bad_time": "their time is none that we read: ISO 8601, epoch seconds to nanoseconds, or a log's own (28/Nov/2026:10:00:00 +0000)",
    "absurd_time": "their time is before 2000 or after now",
    "bad_status": "their status is none of HTTP's",
    "bad_number": "a duration or a status in them is no number",
    "absurd_duration": "they took more than 30 days, or less than nothing",
    "bad_body": "a body in them is not the base64 that they say, or nests too deep",
    "not_an_object": "they are JSON, but no objects",
    "too_many_entries": "one of them holds more than 100,000 entries; send fewer a record",
    "too_large": "unpacked they are larger than 64 MB",
    "bad_compression": "they begin as gzip does and are not, or break off",
    "cloudwatch_control_message": "CloudWatch only asks whether anybody listens",
    "streamed_tap": "they are pieces of exchanges whose others did not come with them; buffered traces of Envoy's tap are whole",
    "answer_apart": "they are answers whose requests did not come with them",
    "goreplay_head": "they stand between GoReplay's payloads and begin as none does",
    "bad_yaml": "they are no YAML that Keploy writes",
    "w3c_no_fields": "the head of a log in W3C's extended format names no field, or too many",
    "w3c_other_fields": "they have other fields than the head of their log names (#Fields), or one with a space in it",
    "aws_websocket": "they tell of a WebSocket's events, which are no exchanges of HTTP",
    "azure_other_category": "they are another category of Azure's logs; send GatewayLogs",
}


def explained(kind: Kind, reason: str, asker: Asker = "replay") -> str:
    """What records refused for this reason look like, and what reads them."""
    looked = looks(reason)
    if not looked:
        because = _BROKEN.get(reason, f"the reason is {reason}")
        return f"Of their bytes: {because}; expected are {_HOLDS[kind]}: see {_HOW[kind].format(option=_OPTIONS[asker][0])}"
    return f"They look like {looked}; {_remedy(kind, reason, asker)}"


def read_before(store: Store, source_id: str) -> bool:
    """Whether the ledger knows of a record of this source that could be read."""
    return bool(store.query("read_before", {"source": source_id})[0]["read"])


def _remedy(kind: Kind, form: str, asker: Asker) -> str:
    owner: Kind | None = "spans" if form in SPAN_ENCODINGS else None
    owner = "api-logs" if form in API_LOG_FORMS else owner
    owner = "deploys" if form in DEPLOY_FORMS else owner
    if owner is None:
        mapped = (
            ", unless topics.api_logs_format=mapping tells where its fields stand"
            if _is_json(kind, form)
            else ""
        )
        return (
            f"no setting reads these{mapped}: {_SETTING[kind]} must name a topic of {_HOLDS[kind]}"
        )
    if owner != kind:
        return f"{_SETTING[owner]} is the setting for the topic of these, and --kind {owner} the option of replay; {_SETTING[kind]} must name another topic"
    if kind == "spans":
        return f"topics.spans_encoding=auto or ={form} reads them, in replay --encoding {form}"
    source = "otlp" if form == "otlp_logs" else source_of_form(form)
    return f"topics.api_logs_format=auto or ={source} reads them, {_OPTIONS[asker][1]} {source}"


def _is_json(kind: Kind, form: str) -> bool:
    return kind == "api-logs" and form in ("json", "json_log")
