"""Credentials that a contract asks for, as observations: what a log does not show was perhaps
there.
"""

from collections.abc import Mapping

from monitor.contracts.findings import Findings
from monitor.contracts.form import Credential, Operation
from monitor.contracts.queries import query_pairs
from monitor.contracts.styles import cookie_pairs
from monitor.model.exchanges import REDACTED, Exchange

MISSING = "missing_credentials"


def check_credentials(exchange: Exchange, operation: Operation, findings: Findings) -> None:
    """Observe that a request was served (2xx) and carried none of the credentials that the
    operation asks for. A redirect to where one signs in, and a failure, serve nothing.

    It is no violation: proxies check and take credentials away before a service logs, and logs
    leave them out. A place that the source does not log counts as there.
    """
    if not 200 <= exchange.status < 300 or any(
        all(_there(exchange, credential) for credential in together)
        for together in operation.security
    ):
        return
    findings.observe(MISSING, "request", f"{operation.clause}/security")


def _sanitised(headers: Mapping[str, str]) -> bool:
    """Whether no header of a call is a secret: browsers leave those out of what they export, and
    a client's library may add them after the call was seen.

    https://developer.chrome.com/docs/devtools/network/reference#save-as-har
    """
    return "cookie" not in headers and REDACTED not in headers.values()


def _there(exchange: Exchange, credential: Credential) -> bool:
    if credential.place == "query":
        pairs = query_pairs(exchange.query) if exchange.query_known or exchange.query else None
        return pairs is None or any(name == credential.name for name, _ in pairs)
    headers = exchange.request_headers
    if not credential.place or not headers or not exchange.headers_whole:
        return True
    if exchange.side == "client" and _sanitised(headers):
        return True
    if credential.place == "header":
        return credential.name in headers
    cookies = headers.get("cookie", "")
    return cookies == REDACTED or any(name == credential.name for name, _ in cookie_pairs(cookies))
