"""Whether a proxy made an answer itself, by what its access log says: the callee never saw the
request, or its answer was lost.

https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#response-flags,
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details,
https://nginx.org/en/docs/http/ngx_http_upstream_module.html#variables,
https://developer.konghq.com/gateway/pdk/reference/kong.log/
"""

from collections.abc import Mapping
from typing import Any

# Envoy's flags of answers that it makes itself. URX (no more retries) passes on the last answer;
# DC says that the client left.
_MADE_BY_ENVOY = frozenset(
    "UH UF UO NR NC UT LR UR UC DT RL UAEX RLSE IH SI DPE UPE UMSDR OM DF NFCF FI RFCF LH".split()
)
_LONG_NAMES = frozenset(
    "NoHealthyUpstream UpstreamConnectionFailure UpstreamOverflow NoRouteFound UpstreamRequestTimeout LocalReset UpstreamRemoteReset "
    "UpstreamConnectionTermination DurationTimeout RateLimited UnauthorizedExternalService RateLimitServiceError InvalidEnvoyRequestHeaders "
    "StreamIdleTimeout DownstreamProtocolError UpstreamProtocolError UpstreamMaxStreamDurationReached OverloadManagerTerminated "
    "DnsResolutionFailed NoFilterConfigFound NoClusterFound FaultInjected ResponseFromCacheFilter FailedLocalHealthCheck".split()
)
_NOTHING = ("", "-", None)
TELLING = frozenset(
    {
        "proxy_answer",
        "response_code_details",
        "response_flags",
        "upstream_header_time",
        "upstream_status",
    }
)
"""The fields that tell it."""


def made_by_proxy(entry: Mapping[str, Any]) -> bool:
    """By fields as Envoy and nginx name them; Envoy's details are its last word, its flags come
    next.

    An `upstream_header_time` or `upstream_status` that is there and empty says that no upstream
    answered. nginx writes an upstream status of its own, 502 or 504, when no answer came; the
    header time tells that.
    """
    if TELLING.isdisjoint(entry):
        return False
    answer = entry.get("proxy_answer")
    if isinstance(answer, bool):
        return answer
    details = entry.get("response_code_details")
    if isinstance(details, str) and details not in _NOTHING:
        return details != "via_upstream"
    flags = entry.get("response_flags")
    if isinstance(flags, str) and any(
        flag in _MADE_BY_ENVOY or flag in _LONG_NAMES for flag in flags.replace(" ", "").split(",")
    ):
        return True
    return any(
        name in entry and _last(entry[name]) in _NOTHING
        for name in ("upstream_header_time", "upstream_status")
    )


def _last(value: object) -> object:
    """Of several tries, which nginx writes in one field, the last one."""
    return value.replace(":", ",").rpartition(",")[2].strip() if isinstance(value, str) else value


def made_by_kong(entry: Mapping[str, Any], status: object) -> bool:
    """Kong says where an answer came from, or that it asked no upstream, or that every try to
    connect failed.
    """
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
    return (
        "apisix_latency" in entry
        and entry.get("upstream") in _NOTHING
        and entry.get("upstream_latency") in _NOTHING
    )


_HAPROXY_STATES = ("termination_state", "termination_state_cookie", "tsc", "ts", "termination")
_HAPROXY_OWN = frozenset({400, 403, 408, 413, 429, 500, 501, 502, 503, 504})


def made_by_haproxy(entry: Mapping[str, Any], status: object) -> bool:
    """HAProxy's first sign says who ended a session; an error that it answered itself ends one
    that has no server, or lost it.

    https://docs.haproxy.org/3.0/configuration.html#8.5
    """
    state = next((entry[name] for name in _HAPROXY_STATES if isinstance(entry.get(name), str)), "")
    server = entry.get("server_name") or entry.get("server") or entry.get("s")
    if server == "<NOSRV>":
        return True
    try:
        number = int(str(status))
    except ValueError:
        return False
    return state[:1] in ("S", "s", "P", "R", "I", "K", "U", "D", "L") and number in _HAPROXY_OWN


_TRAEFIK_OWN = frozenset({401, 403, 404, 429, 500, 502, 503, 504})


def made_by_traefik(entry: Mapping[str, Any]) -> bool:
    """Traefik's `OriginStatus` is the service's own; it is left out, or 0, when none was asked. A
    gateway error came from none.
    """
    origin, status = entry.get("OriginStatus"), entry.get("DownstreamStatus")
    if origin in (0, "0", *_NOTHING):
        return "OriginStatus" in entry or (
            "ServiceName" not in entry and "ServiceURL" not in entry and status in _TRAEFIK_OWN
        )
    lost = (
        entry.get("OriginContentSize") in (0, None)
        and status in (502, 504)
        and entry.get("OriginDuration") in (0, None)
    )
    return bool(lost)


def made_by_aws(target_status: object, status: object) -> bool:
    """A load balancer or gateway of AWS whose target or integration sent no status answered
    itself.
    """
    return target_status in _NOTHING and status not in _NOTHING


def made_by_gcp(payload: Mapping[str, Any]) -> bool:
    """By `statusDetails` of Google's global load balancers: all but what a backend sent, perhaps
    through the cache. By `proxyStatus` of its regional ones: an error that is no backend's answer.

    https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring#statusdetail_http_success_messages,
    https://cloud.google.com/load-balancing/docs/https/https-reg-logging-monitoring#proxystatus_field
    """
    details, status = payload.get("statusDetails"), payload.get("proxyStatus")
    if isinstance(status, str) and "error=" in status:
        return "sent_by_backend" not in status
    return (
        isinstance(details, str)
        and bool(details)
        and details
        not in ("response_sent_by_backend", "byte_range_caching", "websocket_handshake_successful")
        and not details.startswith("response_from_cache")
    )


_CLOUDFRONT_OWN = frozenset(
    "LimitExceeded CapacityExceeded Redirect AbortedOrigin ClientCommError ClientGeoBlocked ClientHungUpRequest InvalidRequest "
    "InvalidRequestBlocked InvalidRequestCertificate InvalidRequestHeader InvalidRequestMethod OriginCommError OriginConnectError "
    "OriginContentRangeLengthError OriginDnsError OriginError OriginHeaderTooBigError OriginInvalidResponseError OriginReadError "
    "OriginWriteError OriginZeroSizeObjectError SlowReaderOriginError FunctionGeneratedResponse FunctionExecutionError "
    "FunctionThrottledError FunctionValidationError LambdaGeneratedResponse LambdaExecutionError LambdaLimitExceeded "
    "LambdaValidationError MethodNotAllowed".split()
)


def made_by_cloudfront(entry: Mapping[str, Any]) -> bool:
    """CloudFront names what it answered itself; a plain `Error` is a status of the origin's too,
    and told of nobody.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
    """
    names = ("x-edge-detailed-result-type", "x-edge-response-result-type", "x-edge-result-type")
    return any(entry.get(name) in _CLOUDFRONT_OWN for name in names)


_CACHED = frozenset({"hit", "stale", "revalidated", "updating"})


def made_by_cloudflare(entry: Mapping[str, Any]) -> bool:
    """Cloudflare writes an origin's status of 0 where it asked none: then the answer is its own,
    unless it had it from its cache.

    https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/
    """
    if "OriginResponseStatus" not in entry:
        return False
    return (
        entry["OriginResponseStatus"] in (0, "0", *_NOTHING)
        and str(entry.get("CacheCacheStatus")).lower() not in _CACHED
    )
