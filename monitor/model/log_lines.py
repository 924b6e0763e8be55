"""Lines of text that access logs are made of, each by its vendor's documented default: a code and
the line's fields.

nginx and Apache: https://nginx.org/en/docs/http/ngx_http_log_module.html,
https://httpd.apache.org/docs/2.4/logs.html; ingress-nginx:
https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/; Envoy and
Istio: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage,
Istio's EnvoyTextLogFormat; Traefik: https://doc.traefik.io/traefik/observability/access-logs/;
HAProxy: https://docs.haproxy.org/3.0/configuration.html#8.2.3; AWS:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html; APISIX:
`http.access_log_format`; IIS and CloudFront, where their heads are not at hand:
https://learn.microsoft.com/iis/configuration/system.applicationhost/sites/site/logfile/,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html.

What has more fields behind the common ones is read as far as those go: nginx's own nginx.conf
(`main`) and its documented `compression` add one each, Kong adds its request's id.
"""

import re

_QUOTED = r'"(?:[^"\\]|\\.)*"'
# Atomic, so that a hostile line is not split in every way there is.
_LIST = r"(?>[\d.-]+(?:(?:, | : )[\d.-]+)*+)"
_ADDRESSES = r"(?>[^\s,]+(?:(?:, | : )[^\s,]+)*+)"
_REQUEST = r'"(?P<request>(?:[^"\\]|\\.)*)"'
_TIME = r"\[(?P<time>[^\]]{8,40})\]"
_COMMON = rf"(?P<client>\S+) (?P<ident>\S+) (?P<user>.{{1,200}}?) {_TIME} {_REQUEST} (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)"
_COMBINED = rf'{_COMMON} (?:"(?P<referer>(?:[^"\\]|\\.)*)"|-) (?:"(?P<agent>(?:[^"\\]|\\.)*)"|-)'
_ENVOY = rf"(?:ACCESS )?\[(?P<start_time>[^\]]{{8,40}})\] {_REQUEST} (?P<response_code>\d+|-) (?P<response_flags>\S+) "
_ENVOY_END = (
    r"(?P<bytes_received>\d+|-) (?P<bytes_sent>\d+|-) (?P<duration>\d+|-) (?P<upstream_service_time>\d+|-) "
    r'"(?P<x_forwarded_for>[^"]*)" "(?P<user_agent>(?:[^"\\]|\\.)*)" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" '
    r'"(?P<upstream_host>[^"]*)"'
)
_AWS_API = r"(?P<ip>\S+)"
_DAY, _CLOCK = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d(?:\.\d{1,9})?"

IIS_FIELDS = tuple(
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(user-agent) cs(referer) sc-status sc-substatus "
    "sc-win32-status time-taken".split()
)
"""As IIS 8 and later order them by default; 7 leaves out the referer."""
CLOUDFRONT_FIELDS = tuple(
    "date time x-edge-location sc-bytes c-ip cs-method cs(host) cs-uri-stem sc-status cs(referer) cs(user-agent) cs-uri-query cs(cookie) "
    "x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher "
    "x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte "
    "x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end".split()
)
"""The order of CloudFront's standard log, which is fixed."""
W3C_HEAD = re.compile(r"#(Fields|Version|Software|Date|Start-Date|End-Date|Remark):[ \t]?")
"""A line of the head of a log in W3C's extended format."""

LINES: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern + r"\s*")
    for name, pattern in {
        "ingress_nginx": rf"{_COMBINED} (?P<request_length>\d+|-) (?P<request_time>[\d.]+|-) \[(?P<upstream_name>[^\]]*)\] "
        rf"(?:\[(?P<alternative>[^\]]*)\] )?(?P<upstream_addr>{_ADDRESSES}) (?P<upstream_response_length>{_LIST}) "
        rf"(?P<upstream_response_time>{_LIST}) (?P<upstream_status>{_LIST})(?: (?P<request_id>\S+))?",
        "traefik_clf": rf'{_COMBINED} (?P<count>\d+|-) "(?P<router>[^"]*)" "(?P<server_url>[^"]*)" (?P<duration>\d+)ms',
        "apisix_access": rf"(?P<client>\S+) - (?P<user>\S+) {_TIME} (?P<host>\S+) {_REQUEST} (?P<status>\d{{3}}) (?P<bytes>\d+|-) "
        rf'(?P<request_time>[\d.]+) "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)" (?P<upstream_addr>{_ADDRESSES}) '
        rf'(?P<upstream_status>{_LIST}) (?P<upstream_response_time>{_LIST})(?: "(?P<upstream_url>[^"]*)")?(?: .*)?',
        "haproxy_clf": rf'{_COMMON} "" "" \d+ \d+ "(?P<frontend>[^"]*)" "(?P<backend>[^"]*)" "(?P<server>[^"]*)" '
        r"(?P<timers>[+-]?\d+(?: [+-]?\d+){4}) (?P<termination>\S{2,4}) .*",
        "vhost_combined": rf"(?P<vhost>[^\s:]+):(?P<port>\d+) {_COMBINED}",
        "combined": _COMBINED,
        "common": _COMMON,
        "envoy_text": _ENVOY + _ENVOY_END,
        "istio_text": _ENVOY
        + r'(?P<response_code_details>\S+) (?P<connection_termination_details>\S+) "(?P<upstream_transport_failure_reason>[^"]*)" '
        + _ENVOY_END
        + r" (?P<upstream_cluster>\S+) (?P<upstream_local_address>\S+) (?P<downstream_local_address>\S+) "
        r"(?P<downstream_remote_address>\S+) (?P<requested_server_name>\S+) (?P<route_name>\S+)(?: .*)?",
        "haproxy_http": r"(?:.*?\bhaproxy[^\s\[]*\[\d+\]: )?(?P<client>\S+:\d+) \[(?P<accept_date>[^\]]{10,40})\] (?P<frontend>\S+) "
        r"(?P<backend>[^\s/]+)/(?P<server>\S+) (?P<timers>[+-]?\d+(?:/[+-]?\d+){3,4}) (?P<status>-?\d+) (?P<bytes>\+?\d+) "
        r"(?P<request_cookie>\S+) (?P<response_cookie>\S+) (?P<termination>\S{2,4}) (?P<connections>\d+(?:/\+?\d+){4}) "
        r"(?P<queues>\d+/\d+)(?P<captures>(?: \{[^}]*\}){0,2}) " + _REQUEST + r"(?: .*)?",
        "aws_alb": r"(?P<type>http|https|h2|grpcs|ws|wss) (?P<time>\S+) (?P<elb>\S+) (?P<client>\S+) (?P<target>\S+) "
        r"(?P<request_s>-?[\d.]+) (?P<target_s>-?[\d.]+) (?P<response_s>-?[\d.]+) (?P<status>\d+|-) (?P<target_status>\d+|-) "
        r"(?P<received>\d+|-) (?P<sent>\d+|-) "
        + _REQUEST
        + r' "(?P<agent>(?:[^"\\]|\\.)*)" (?P<cipher>\S+) (?P<tls>\S+) '
        r'(?P<target_group>\S+) "(?P<trace>[^"]*)"(?: "(?P<domain>[^"]*)" "(?P<certificate>[^"]*)" (?P<priority>\S+) (?P<created>\S+) '
        r'"(?P<actions>[^"]*)" "(?P<redirect>[^"]*)" "(?P<error>[^"]*)")?(?: .*)?',
        "aws_elb": r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?P<elb>\S+) (?P<client>\S+:\d+) (?P<target>\S+) (?P<request_s>-?[\d.]+) "
        r"(?P<target_s>-?[\d.]+) (?P<response_s>-?[\d.]+) (?P<status>\d+|-) (?P<target_status>\d+|-) (?P<received>\d+) (?P<sent>\d+) "
        + _REQUEST
        + r' "(?P<agent>(?:[^"\\]|\\.)*)" (?P<cipher>\S+) (?P<tls>\S+)',
        "aws_api_clf": rf'{_AWS_API} (?P<caller>\S+) (?P<user>\S+) \[(?P<time>[^\]]{{8,40}})\] ?"(?P<method>[A-Z]+) (?P<path>(?:[A-Z]{{3,7}} (?=/))?\S+) '
        r'(?P<protocol>HTTP/[\d.]+)" (?P<status>\d{3}|-) (?P<bytes>\d+|-) (?P<request>(?!\d+(?: |$))[0-9a-zA-Z=_-]{6,80})(?: (?P<extended>\S+))?',
        "aws_api_csv": r"(?P<ip>[^\s,]+),(?:(?P<caller>[^,]*),(?P<user>[^,]*),)?(?P<time>\d\d?/[A-Z][a-z]{2}/\d{4}:[^,]+),(?P<method>[A-Z]+),"
        r"(?P<path>(?:[A-Z]{3,7} )?/[^,]*|\$default),(?P<protocol>HTTP/[\d.]+),(?P<status>\d{3}|-),(?P<bytes>\d+|-),(?P<request>[^,\s]+)(?:,(?P<extended>[^,\s]*))?",
        "aws_api_xml": r'<request id="(?P<request>[^"]*)">(?P<rest>.*)</request>',
        "iis": rf"{_DAY} {_CLOCK} [0-9a-fA-F.:%]{{3,60}} [A-Za-z]{{2,20}} /\S* \S+ \d{{1,5}} \S+ [0-9a-fA-F.:%-]{{1,60}} \S+ "
        r"(?:(?P<referer>\S+) )?\d{3} \d+ \d+ \d+",
        "cloudfront": rf"{_DAY}\t{_CLOCK}\t[A-Z]{{3}}[0-9A-Z-]{{1,20}}\t(?:\d+|-)\t[0-9a-fA-F.:]{{3,60}}\t[A-Z]{{3,20}}\t[^\t]+\t/[^\t]*\t\d{{3}}"
        r"(?>(?:\t[^\t]*+){3,60})",
        "combined_more": rf"{_COMBINED} (?P<more>\S.*)",
        "common_more": rf"{_COMMON} (?P<more>\S.*)",
        "raw_http": r"(?P<head>[A-Z]{3,10} \S+ HTTP/\d(?:\.\d)?\r?\n.*)",
    }.items()
}
"""By code, a whole line. In this order: the first that fits is the line's."""
LINES |= {name: re.compile(LINES[name].pattern, re.DOTALL) for name in ("aws_api_xml", "raw_http")}
_LONGEST = 65_536
_LONG = frozenset({"aws_api_xml", "raw_http"})
GOREPLAY_HEAD = re.compile(
    rb"\s*([123]) ([0-9a-f]{8,40}) (\d{13,19})(?: (-?\d{1,19}))?(?: [^\r\n]{1,40})?\r?\n"
)
"""The line before each payload that GoReplay writes: kind, id, time and latency in ns."""
GOREPLAY_MARK = "\n🐵🙈🙉\n".encode()
"""What stands between GoReplay's payloads."""
KEPLOY_HEAD = re.compile(
    r"\s*(?:#[^\n]{0,200}\n|---[ \t]*\r?\n){0,5}version: [\"']?api\.keploy\.io/"
)
"""How Keploy's YAML begins."""
_TAG = r"[\w./-]{1,64}(?:\[\d{1,10}\])?: ?"
SYSLOG = re.compile(
    r"(?:<\d{1,3}>(?:1 (?P<at>\S+) \S+ \S+ \S+ \S+ (?:-|\[.*?\]) ?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ )"
    rf"(?:{_TAG}(?:@cee: ?)?(?=[{{\[])|(?!haproxy|\d{{1,3}}\.){_TAG})?"
    rf"|(?:[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d|(?P<stamp>\d{{4}}-\d\d-\d\dT[\d:.,+Z-]{{8,24}})) \S{{1,255}}(?: \S{{1,255}})? {_TAG}(?:@cee: ?)?(?=[{{\[]))"
    r"\ufeff?"
)
"""What syslog writes before a line: with its priority, or as a file of rsyslog's holds JSON."""
STAMPED = re.compile(
    r"(?:(?:\[pod/\S{1,255}\]|[\w.-]{1,100} +\|) )?(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d))? ?"
    r"(?=[{\[]|(?:\S+ ){1,3}\[)"
)
"""What kubectl, docker and compose write before a line: who wrote it (`--prefix`, compose), when
(`--timestamps`).
"""
CRI = re.compile(r"(\d{4}-\d\d-\d\dT\S+) (stdout|stderr) ([PF])(?: |$)")


def line_form(text: str) -> tuple[str, re.Match[str] | None]:
    """Which line this is, and its fields; ("", None) for none that we know. A long text can only
    be what holds a body.
    """
    for name in LINES if len(text) <= _LONGEST else _LONG:
        match = LINES[name].fullmatch(text)
        if match is not None:
            return name, match
    return "", None
