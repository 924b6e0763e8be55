"""API logs in their formats to exchanges. Pure; never raises for what a record holds."""

from monitor.decode.api_logs.attributes import span_exchanges
from monitor.decode.api_logs.decode import FORMATS, decode_api_logs, read_api_logs

__all__ = ["FORMATS", "decode_api_logs", "read_api_logs", "span_exchanges"]
