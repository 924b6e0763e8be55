"""Text access logs, a line an exchange, by the fields that monitor/model/log_lines.py finds in
them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of, split_upstream
from monitor.decode.api_logs.gateways import envoy_exchange
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.proxies import made_by_aws, made_by_haproxy, made_by_proxy
from monitor.decode.api_logs.servers import service_of_traefik
from monitor.decode.api_logs.units import (
    MILLIS,
    SECONDS,
    length_ns,
    moment_ns,
    request_line,
    unescaped,
)
from monitor.decode.api_logs.w3c import cloudfront_line, iis_line
from monitor.model.exchanges import Exchange

Match = re.Match[str]
Read = Callable[[Match, Place, int], Exchange]


def _common(match: Match, place: Place, index: int, **more: Any) -> Exchange:
    groups = match.groupdict()
    method, target = request_line(unescaped(groups["request"]))
    sent = {"referer": groups.get("referer"), "user-agent": groups.get("agent")}
    return make(
        place,
        index,
        end_ns=moment_ns(groups["time"], place.record_ms),
        method=method,
        target=target,
        status=groups["status"],
        query_known=True,
        request_headers=fields.headers_of(
            {name: unescaped(text) for name, text in sent.items() if text and text != "-"}
        ),
        headers_whole=False,
        **{"duration_ns": None, **more},
    )


_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+")
_TAKEN = re.compile(
    r"(?:^|[\s|,;])(?:rt|request_time|req_time|reqtime)[=:] ?\"?(\d{1,9}(?:\.\d{1,9})?)\"?(?=[\s|,;]|$)"
)
"""What operators call `$request_time` behind a common line; it is in seconds."""


def _line(match: Match, place: Place, index: int) -> Exchange:
    """A common line, perhaps behind its virtual host, and with more fields behind it, of which
    only a time under its name is read.
    """
    groups = match.groupdict()
    hosted = _ADDRESS.fullmatch(groups["ident"]) and " " in groups["user"]
    taken = _TAKEN.search(groups.get("more") or "")
    return _common(
        match,
        place,
        index,
        callee=host_of(groups["client"]) if hosted else None,
        duration_ns=length_ns(taken[1], SECONDS) if taken else None,
    )


def _vhost(match: Match, place: Place, index: int) -> Exchange:
    return _common(match, place, index, callee=match["vhost"])


def _ingress(match: Match, place: Place, index: int) -> Exchange:
    service, namespace = (
        split_upstream(match["upstream_name"])
        if match["upstream_name"] not in ("", "-")
        else ("", "")
    )
    length = length_ns(match["request_time"], SECONDS)
    proxied = made_by_proxy({"upstream_status": match["upstream_status"]})
    return _common(
        match,
        place,
        index,
        callee=service,
        callee_namespace=namespace,
        duration_ns=length,
        proxy_answer=proxied,
    )


def _traefik(match: Match, place: Place, index: int) -> Exchange:
    length = length_ns(match["duration"], MILLIS)
    service, namespace = service_of_traefik("", match["router"], match["server_url"])
    read = _common(
        match,
        place,
        index,
        callee=service,
        callee_namespace=namespace,
        duration_ns=length,
        proxy_answer=match["server_url"] in ("", "-", "/"),  # "/": Traefik 1 itself
    )
    return _later(read, length)


def _apisix(match: Match, place: Place, index: int) -> Exchange:
    url = match["upstream_url"] or ""
    host = host_of(match["host"]) or host_of(fields.split_url(url)[0])
    proxied = made_by_proxy({"upstream_status": match["upstream_status"]})
    return _common(
        match,
        place,
        index,
        callee=host,
        duration_ns=length_ns(match["request_time"], SECONDS),
        proxy_answer=proxied,
    )


def _envoy(match: Match, place: Place, index: int) -> Exchange:
    entry: dict[str, Any] = match.groupdict()
    method, target = request_line(unescaped(entry.pop("request")))
    return envoy_exchange(entry | {"method": method, "path": target}, place, index)


def _haproxy(match: Match, place: Place, index: int) -> Exchange:
    method, target = request_line(match["request"])
    taken = match["timers"].split("/")[-1]
    length = length_ns(taken, MILLIS)
    status = match["status"]
    backend, server = match["backend"], match["server"]
    held = {"termination": match["termination"], "server": server}
    return make(
        place,
        index,
        end_ns=moment_ns(match["accept_date"], place.record_ms) + (length or 0),
        duration_ns=length,
        method=method,
        target=target,
        status=0 if status == "-1" else status,
        query_known=True,
        callee="" if backend == "<NOSRV>" else backend,
        headers_whole=False,
        unanswered=status == "-1",
        proxy_answer=made_by_haproxy(held, status),
    )


def _haproxy_clf(match: Match, place: Place, index: int) -> Exchange:
    """`option httplog clf`: its time is the request's, as the timers' first ones are."""
    length = length_ns(match["timers"].split(" ")[-1], MILLIS)
    backend, status = match["backend"], match["status"]
    held = {"termination": match["termination"], "server": match["server"]}
    read = _common(
        match,
        place,
        index,
        callee="" if backend == "<NOSRV>" else backend,
        duration_ns=length,
        proxy_answer=made_by_haproxy(held, status),
    )
    return _later(read, length)


def _aws_balancer(match: Match, place: Place, index: int) -> Exchange:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html;
    its time is the answer's.
    """
    groups = match.groupdict()
    method, target = request_line(unescaped(groups["request"]))
    parts = [length_ns(groups[name], SECONDS) for name in ("request_s", "target_s", "response_s")]
    lengths = [length for length in parts if length is not None]
    trace = re.search(r"(?:Root|Self)=1-([0-9a-f]{8})-([0-9a-f]{24})", groups.get("trace") or "")
    group = (groups.get("target_group") or "").partition(":targetgroup/")[2].partition("/")[0]
    agent = groups["agent"]
    return make(
        place,
        index,
        end_ns=moment_ns(groups["time"], place.record_ms),
        duration_ns=sum(lengths) if lengths else None,
        method=method,
        target=target,
        status=0 if groups["status"] == "-" else groups["status"],
        query_known=True,
        callee=group
        or (groups.get("domain") if groups.get("domain") != "-" else "")
        or host_of(fields.split_url(target)[0]),
        trace=fields.id_of(trace[1] + trace[2], 16) if trace else b"",
        request_headers=fields.headers_of({"user-agent": unescaped(agent)})
        if agent not in ("", "-")
        else {},
        headers_whole=False,
        unanswered=groups["status"] == "-",
        proxy_answer=made_by_aws(groups["target_status"], groups["status"]),
        plaintext=fields.is_plaintext(target),
    )


def _aws_api(match: Match, place: Place, index: int) -> Exchange:
    """The resource's path is the route, with `{names}` in it; of HTTP APIs it is the route's key,
    a method before it. Which path a `$default` route was called by, the line does not tell.
    """
    groups = match.groupdict()
    return _aws_call(groups, place, index)


def _aws_call(groups: dict[str, Any], place: Place, index: int) -> Exchange:
    path = groups["path"].rpartition(" ")[2]
    if path == "$default":
        raise fields.Refused("no_path")
    return make(
        place,
        index,
        end_ns=moment_ns(groups["time"], place.record_ms),
        duration_ns=None,
        method=groups["method"],
        target=path,
        route=path,
        status=groups["status"],
        caller=fields.name_of(groups.get("caller")) or fields.name_of(groups.get("user")),
        headers_whole=False,
    )


_XML = re.compile(r"\s*<(\w+)>([^<]*)</\1>")
_XML_NAMES = {
    "requestTime": "time",
    "httpMethod": "method",
    "resourcePath": "path",
    "routeKey": "path",
}
_XML_WANTED = {
    "time": "no_time",
    "method": "no_method",
    "path": "no_path",
    "status": "bad_status",
}


def _aws_api_xml(match: Match, place: Place, index: int) -> Exchange:
    """Of the form that the vendor's console offers, nothing else: not XML at large, which has
    entities and more.
    """
    held = {_XML_NAMES.get(name, name): text.strip() for name, text in _XML.findall(match["rest"])}
    for name, reason in _XML_WANTED.items():
        if name not in held:
            raise fields.Refused(reason)
    return _aws_call(held, place, index)


def _raw(match: Match, place: Place, index: int) -> Exchange:
    """A request as it travels (APISIX's `meta_format: origin`): no answer and no time are told, so
    that the record's own time counts.
    """
    return _request(match["head"], place, index, place.told_ns or place.record_ms * 1_000_000)


def _request(text: str, place: Place, index: int, end_ns: int) -> Exchange:
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *rest = head.split("\n")
    method, target = request_line(first)
    pairs = [
        (name.strip(), value.strip())
        for name, colon, value in (line.partition(":") for line in rest)
        if colon
    ]
    headers = fields.headers_of([[name, value] for name, value in pairs])
    length = headers.get("content-length", "")
    short = (
        length.isdecimal()
        and len(length) < 12
        and int(length) > len(body.encode("utf-8", "replace"))
    )
    return make(
        place,
        index,
        end_ns=end_ns,
        duration_ns=None,
        method=method,
        target=target,
        status=None,
        query_known=True,
        request_headers=headers,
        request_body=body or None,
        request_truncated=short,
    )


def _later(read: Exchange, length: int | None) -> Exchange:
    """A line whose time is the request's beginning: its end is later by what it took."""
    return replace(read, end_ns=read.end_ns + length) if length else read


READERS: dict[str, Read] = {
    "ingress_nginx": _ingress,
    "traefik_clf": _traefik,
    "apisix_access": _apisix,
    "combined": _line,
    "combined_more": _line,
    "common": _line,
    "common_more": _line,
    "vhost_combined": _vhost,
    "envoy_text": _envoy,
    "istio_text": _envoy,
    "haproxy_http": _haproxy,
    "haproxy_clf": _haproxy_clf,
    "aws_alb": _aws_balancer,
    "aws_elb": _aws_balancer,
    "aws_api_clf": _aws_api,
    "aws_api_csv": _aws_api,
    "aws_api_xml": _aws_api_xml,
    "iis": iis_line,
    "cloudfront": cloudfront_line,
    "raw_http": _raw,
}
