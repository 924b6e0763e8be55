"""Names and hosts of proxies that stand beside a service."""

import re

_ADDRESS = re.compile(r"\[?[0-9a-fA-F:]*:[0-9a-fA-F:.]*\]?|\d{1,3}(?:\.\d{1,3}){3}")
_SIDECARS = frozenset(
    {
        "istio-proxy",
        "linkerd-proxy",
        "envoy-sidecar",
        "consul-dataplane",
        "cilium-envoy",
        "daprd",
        "envoy",
    }
)
SIDECAR_WORDS = re.compile(r"(?:^|[-._:/])(?:sidecar|envoy|istio|linkerd|mesh)(?:$|[-._:/])")
PROXY_WORDS = re.compile(r"(?:^|[-._:/])(?:proxy|sidecar|envoy|istio|linkerd|mesh)(?:$|[-._:/])")


def is_named_after(proxy: str, service: str, words: re.Pattern[str]) -> bool:
    """Whether a proxy's name is one of a sidecar: a well-known one, `shop-sidecar`, or Istio's
    `shop.default` of `shop`.
    """
    low, of = proxy.lower(), service.lower()
    if low in _SIDECARS:
        return True
    if not low or not of or low == of:
        return False
    begins, ends = (
        low.startswith(of) and not low[len(of)].isalnum(),
        low.endswith(of) and not low[-len(of) - 1].isalnum(),
    )
    if begins and low[len(of)] == ".":
        return True
    rest = low[len(of) :] if begins else low[: -len(of)] if ends else ""
    return bool(rest) and words.search(rest) is not None


def hosts_agree(host: str, other: str) -> bool:
    """Whether two hosts can be one: the same, one of them not told or only as a number, or one the
    short form of the other.
    """
    if host == other or not host or not other:
        return True
    if bool(_ADDRESS.fullmatch(host)) != bool(_ADDRESS.fullmatch(other)):
        return True
    if _ADDRESS.fullmatch(host):
        return False
    short, full = sorted((host.lower(), other.lower()), key=len)
    return full.startswith(f"{short}.") or full.endswith(f".{short}")
