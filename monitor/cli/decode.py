"""`seamwatch decode`: what is understood of a file of API logs, field by field, and what to set
where something is missing.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from monitor.cli.printing import plain, show
from monitor.cli.recordings import recordings
from monitor.cli.session import settings_of
from monitor.errors import UsageError

SOURCE_HELP = "Who wrote the API logs; auto: each entry tells. `-` and `_` are one."
_PART = "part_of_another"
"""A piece of an exchange that comes with another entry, or a line of a log's head: counted, and
not shown by itself.
"""
_UNSAID = {
    "caller": "set topics.api_logs_caller, or log who called",
    "callee": "set topics.api_logs_callee, or log the upstream's name or the host",
    "environment": "set topics.api_logs_environment",
    "duration_ms": "log how long it took, with its unit in the name (duration_ms)",
    "trace_id": "log the traceparent header, so that it joins its spans",
    "query": "log the query, else no query parameter can be checked",
    "request_headers": "log the headers that contracts name",
    "response_headers": "log content-type at least",
    "headers_whole": "a header that is not logged counts as not seen; headers_whole: true in our plain form says that all are logged",
    "request_body": "this log carries none; only what is around it can be checked",
    "response_body": "this log carries none; only what is around it can be checked",
}


def decode(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A file of API logs, plain or gzipped; - is standard input.")
    ],
    source: Annotated[str, typer.Option("--source", help=SOURCE_HELP)] = "",
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", min=1, help="Show so many entries; the counts are of all."),
    ] = 3,
    form: Annotated[
        Literal["table", "json", "ndjson"], typer.Option("--format", "-f", help="How to print.")
    ] = "table",
) -> int:
    """What is understood of a file of API logs, field by field, and what to set. Exits 0, or 2
    when nothing could be read.
    """
    settings = settings_of(context)
    chosen = source_named(source or settings.topics.api_logs_format)
    counts: Counter[tuple[str, str]] = Counter()
    shown: list[dict[str, Any]] = []
    with recordings([file]) as files:
        for row in _entries(files, chosen, settings):
            counts[row["source"], row.get("reason", "")] += 1
            if len(shown) < limit and row.get("reason") != _PART:
                shown.append(row)
    summary = [
        {"source": origin, "reason": reason, "entries": count}
        for (origin, reason), count in counts.most_common()
    ]
    if form == "json":
        json.dump({"entries": shown, "summary": summary}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif form == "ndjson":
        for row in [*shown, {"summary": summary}]:
            sys.stdout.write(json.dumps(row) + "\n")
    else:
        _print(shown, summary)
    return 0 if any(not reason for _, reason in counts) else 2


def source_named(text: str) -> str:
    """A source as the settings name it. UsageError for one that there is not, with the nearest."""
    from monitor.decode.api_logs import FORMATS

    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    if name in FORMATS:
        return name
    from difflib import get_close_matches

    near = get_close_matches(name, FORMATS, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"there is no source {plain(text)!r}{hint} The sources are {', '.join(FORMATS)}"
    )


def _entries(files: list[Path], source: str, settings: Any) -> Iterator[dict[str, Any]]:
    from monitor.decode.api_logs import Names, Refused, explain_api_logs
    from monitor.model.exchanges import Exchange
    from monitor.streams.files import FileSource

    topics = settings.topics
    names = Names(topics.api_logs_caller, topics.api_logs_callee, topics.api_logs_environment)
    explained = explain_api_logs(FileSource(files).poll(), source, topics.api_logs_mapping, names)
    for index, (_, _, form, entry) in enumerate(explained):
        if isinstance(entry, Exchange):
            yield {
                "index": index,
                "source": form or source,
                "fields": _fields(entry),
                "missing": _missing(entry),
            }
        elif isinstance(entry, Refused):
            yield {
                "index": index,
                "source": form,
                "reason": str(entry),
                "said": _said(str(entry)),
            }
        elif entry.part:
            yield {"index": index, "source": form or source, "reason": _PART}
        else:
            yield {
                "index": index,
                "source": form or source,
                "reason": "no_exchange",
                "said": "a log record of something else",
            }


def _fields(read: Any) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(read.end_ns / 1e9, UTC).isoformat(),
        "duration_ms": None if read.duration_ns is None else read.duration_ns / 1e6,
        **{name: getattr(read, name) for name in ("method", "path", "route")},
        "query": read.query if read.query_known else None,
        "status": read.status if read.status_told else None,
        **{
            name: getattr(read, name)
            for name in (
                "caller",
                "caller_version",
                "callee",
                "callee_version",
                "callee_namespace",
            )
        },
        **{name: getattr(read, name) for name in ("environment", "side", "protocol")},
        "trace_id": read.trace_id.hex(),
        "span_id": read.span_id.hex(),
        "request_headers": sorted(read.request_headers),
        "response_headers": sorted(read.response_headers),
        "headers_whole": read.headers_whole,
        "request_body": _body(read.request_body, truncated=read.request_truncated),
        "response_body": _body(read.response_body, truncated=read.response_truncated),
        "proxy_answer": read.proxy_answer,
        "plaintext": read.plaintext,
    }


def _body(body: bytes | str | None, *, truncated: bool) -> str | None:
    """A body's size and kind, never what it holds."""
    if body is None:
        return None
    size = len(body if isinstance(body, bytes) else body.encode("utf-8", "replace"))
    return f"{'bytes' if isinstance(body, bytes) else 'text'} of {size} B{', cut off' if truncated else ''}"


def _missing(read: Any) -> dict[str, str]:
    from monitor.model.exchanges import MESSAGING

    values = _fields(read)
    absent = {name for name in _UNSAID if values[name] in (None, "", "unknown", [])}
    if not read.query_known:
        absent.add("query")
    else:
        absent.discard("query")
    if not read.headers_whole and (read.request_headers or read.response_headers):
        absent.add("headers_whole")
    if read.protocol == MESSAGING:
        absent &= {
            "trace_id",
            "environment",
            "caller_version",
            "callee_version",
            "request_headers",
            "request_body",
        }
    return {name: _UNSAID[name] for name in _UNSAID if name in absent}


def _said(reason: str) -> str:
    from monitor.joining.unread import explained

    return explained("api-logs", reason, "decode")


def _print(shown: list[dict[str, Any]], summary: list[dict[str, Any]]) -> None:
    for row in shown:
        if "fields" in row:
            typer.echo(f"entry {row['index']}: {row['source']}")
            for name, value in row["fields"].items():
                value_text = (
                    ", ".join(value)
                    if isinstance(value, list)
                    else ""
                    if value is None
                    else str(value)
                )
                hint = row["missing"].get(name)
                typer.echo(
                    plain(
                        f"  {name:18}{value_text}"
                        + (f"{' ' if value_text else ''}({hint})" if hint else "")
                    ).rstrip()
                )
        else:
            typer.echo(plain(f"entry {row['index']}: not read ({row['reason']}). {row['said']}"))
        typer.echo()
    show(summary, ["source", "reason", "entries"], "table", empty="the file holds no entry")
