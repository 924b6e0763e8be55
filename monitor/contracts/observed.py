"""What is seen of an exchange and held against nobody: deprecated, removed by date, undocumented
parameters, without TLS.
"""

from email.utils import parsedate_to_datetime

from monitor.contracts.findings import Findings
from monitor.contracts.form import Operation
from monitor.contracts.queries import query_pairs
from monitor.model.exchanges import Exchange

REMOVED = "removed_operation"
"""An earlier revision had it, this one has not, and it is still called: whether or not it is still
served.
"""
DEPRECATED, SUNSET, PARAMETER, PLAINTEXT = (
    "deprecated_operation",
    "sunset_passed",
    "undocumented_parameter",
    "plaintext",
)


def observe(exchange: Exchange, operation: Operation, findings: Findings) -> None:
    """Add what is worth telling of an exchange that was served (2xx).

    Sunset is the answer's own word (RFC 8594), or the contract's (`x-sunset`). Plaintext is the word
    of a proxy before the service (`x-forwarded-proto`), unless it tells a client's certificate,
    too: in a mesh the application's plain call travels in TLS between the sidecars; or it is the
    address's. Names of undocumented parameters are not told: they are the caller's text.
    """
    if not 200 <= exchange.status < 300:
        return
    if operation.deprecated:
        findings.observe(DEPRECATED, "request", f"{operation.clause}/deprecated")
    answered = exchange.response_headers
    if answered and "sunset" in answered:
        if _is_over(answered["sunset"], exchange.end_ns):
            findings.observe(SUNSET, "response", operation.clause)
    elif operation.deprecated and 0 < operation.sunset_ns < exchange.end_ns:
        findings.observe(SUNSET, "request", f"{operation.clause}/x-sunset")
    if _is_plaintext(exchange):
        findings.observe(PLAINTEXT, "request", operation.clause)
    if exchange.query and _has_others(exchange.query, operation):
        findings.observe(PARAMETER, "request", f"{operation.clause}/parameters")


def _is_plaintext(exchange: Exchange) -> bool:
    """By https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers, else
    by the address that was asked for.
    """
    headers = exchange.request_headers
    if "x-forwarded-client-cert" in headers:
        return False
    proxied = headers.get("x-forwarded-proto", "").lower()
    return proxied == "http" or (exchange.plaintext and not proxied)


def _is_over(text: str, end_ns: int) -> bool:
    try:
        return parsedate_to_datetime(text).timestamp() * 1e9 < end_ns
    except (ValueError, TypeError, OverflowError):
        return False


def _has_others(query: str, operation: Operation) -> bool:
    """Whether a query names what the operation does not. One that takes objects or whole queries
    may take any name.
    """
    if operation.open:
        return False
    names: set[str] = set()
    deep: list[str] = []
    for parameter in operation.parameters:
        of_query = parameter.place == "query"
        if of_query and (parameter.style == "deepObject" or "array" in parameter.reading.kinds):
            deep.append(f"{parameter.name}[")
        elif parameter.place == "querystring" or (
            of_query and "object" in parameter.reading.kinds
        ):
            return False
        if of_query:
            names.add(parameter.name)
    keys = {
        credential.name
        for together in operation.security
        for credential in together
        if credential.place == "query"
    }
    pairs = query_pairs(query)
    return pairs is not None and any(
        name not in names and name not in keys and not name.startswith(tuple(deep))
        for name, _ in pairs
    )
