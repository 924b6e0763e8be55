"""API logs in their formats to exchanges. Pure; never raises for what a record holds."""

from monitor.decode.api_logs.decode import (
    FORMATS,
    UNNAMED,
    ApiLogReading,
    Names,
    decode_api_logs,
    read_api_logs,
)
from monitor.decode.api_logs.explaining import explain_api_logs
from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.recognising import SOURCES, source_of_form
from monitor.decode.api_logs.w3c import Heads
from monitor.decode.api_logs.waiting import Waits

__all__ = [
    "FORMATS",
    "SOURCES",
    "UNNAMED",
    "ApiLogReading",
    "Heads",
    "Names",
    "Refused",
    "Waits",
    "decode_api_logs",
    "explain_api_logs",
    "read_api_logs",
    "source_of_form",
]
