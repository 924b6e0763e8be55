"""Our own log: structlog, as JSON lines or for a terminal; hostile text in it is made harmless."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from monitor.cli.printing import plain
from monitor.masking import masked

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# They speak of every connection and rebalance; what matters of it we say ourselves.
CHATTY = ("httpx", "httpcore", "alembic", "uvicorn.access")
# They warn of each fault that is raised to us anyway; kafka repeats it ten times a second.
ECHOING = {
    "urllib3": logging.ERROR,
    "clickhouse_connect": logging.ERROR,
    "kafka": logging.CRITICAL,
}


def set_up_logs(
    level: Literal["debug", "info", "warning", "error"], form: Literal["auto", "json", "console"]
) -> None:
    """Send structlog and the standard log to standard error. `auto`: console on a terminal, else
    JSON.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [
            # a trace with values of variables would tell secrets
            structlog.processors.format_exc_info,
            harmless,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        if console
        else [structlog.processors.format_exc_info, harmless, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for name, least in ECHOING.items():
        logging.getLogger(name).setLevel(least)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))


def harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """No value can break the line, drive a terminal or tell a password of an address; traces of
    ours keep their lines.
    """
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = masked(value) if name == "exception" else plain(masked(value))
    return event
