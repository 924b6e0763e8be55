"""Whether a proxy made an answer itself, by what its access log says: the callee never saw the request, or its answer was lost.

https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#response-flags,
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details,
https://nginx.org/en/docs/http/ngx_http_upstream_module.html#variables, https://developer.konghq.com/gateway/pdk/reference/kong.log/
"""

from collections.abc import Mapping
from typing import Any

# Envoy's flags of answers that it makes itself. URX (no more retries) passes on the last answer; DC says that the client left.
_MADE_BY_ENVOY = frozenset("UH UF UO NR NC UT LR UR UC DT RL UAEX RLSE IH SI DPE UPE UMSDR OM DF NFCF FI RFCF LH".split())
_LONG_NAMES = frozenset(
    "NoHealthyUpstream UpstreamConnectionFailure UpstreamOverflow NoRouteFound UpstreamRequestTimeout LocalReset UpstreamRemoteReset "
    "UpstreamConnectionTermination DurationTimeout RateLimited UnauthorizedExternalService RateLimitServiceError InvalidEnvoyRequestHeaders "
    "StreamIdleTimeout DownstreamProtocolError UpstreamProtocolError UpstreamMaxStreamDurationReached OverloadManagerTerminated "
    "DnsResolutionFailed NoFilterConfigFound NoClusterFound FaultInjected ResponseFromCacheFilter FailedLocalHealthCheck".split()
)
_NOTHING = ("", "-", None)


def made_by_proxy(entry: Mapping[str, Any]) -> bool:
    """By fields as Envoy and nginx name them; Envoy's details are its last word, its flags come next.

    An `upstream_header_time` or `upstream_status` that is there and empty says that no upstream answered. nginx writes
    an upstream status of its own, 502 or 504, when no answer came; the header time tells that.
    """
    said = entry.get("proxy_answer")
    if isinstance(said, bool):
        return said
    details = entry.get("response_code_details")
    if isinstance(details, str) and details not in _NOTHING:
        return details != "via_upstream"
    flags = entry.get("response_flags")
    if isinstance(flags, str) and any(one in _MADE_BY_ENVOY or one in _LONG_NAMES for one in flags.replace(" ", "").split(",")):
        return True
    return any(name in entry and _last(entry[name]) in _NOTHING for name in ("upstream_header_time", "upstream_status"))


def _last(value: object) -> object:
    """Of several tries, which nginx writes in one field, the last one."""
    return value.replace(":", ",").rpartition(",")[2].strip() if isinstance(value, str) else value


def made_by_kong(entry: Mapping[str, Any], status: object) -> bool:
    """Kong says where an answer came from, or that it asked no upstream, or that every try to connect failed."""
    source = entry.get("source")
    if isinstance(source, str) and source:
        return source in ("exit", "error", "kong")
    latencies, tries = entry.get("latencies"), entry.get("tries")
    if isinstance(latencies, dict) and latencies.get("proxy") == -1:
        return True
    if "upstream_status" in entry and entry["upstream_status"] in _NOTHING:
        return True
    last = tries[-1] if isinstance(tries, list) and tries else None
    return isinstance(last, dict) and last.get("state") == "failed" and status in (502, 503, 504)


def made_by_apisix(entry: Mapping[str, Any]) -> bool:
    """APISIX's default form names the upstream that it asked; one of its own answers has none."""
    return "apisix_latency" in entry and entry.get("upstream") in _NOTHING and entry.get("upstream_latency") in _NOTHING
