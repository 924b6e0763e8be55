"""Names of Kubernetes services: `name`, `name.namespace` and `name.namespace.svc…` are one.

https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
"""

import re

_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Ends of hosts outside a cluster; those of two letters are countries'.
_DOMAINS = frozenset(
    "com org net edu gov mil int info biz name pro app dev cloud tech online site store shop xyz page local localhost internal test example "
    "invalid lan home corp".split()
)


NOBODY = frozenset({"", "unknown", "user"})
"""What stands for a caller that no log and no trace names."""


def split_service(name: str, *, in_mesh: bool = True) -> tuple[str, str]:
    """A service's short name and its namespace, "" when the name tells none.

    `name.namespace` counts as such `in_mesh` only, and unless it ends like a common domain: it may
    be a host elsewhere.
    """
    parts = name.split(".")
    if len(parts) >= 3 and parts[2] == "svc":
        return parts[0], parts[1]
    if (
        in_mesh
        and len(parts) == 2
        and all(map(_LABEL.fullmatch, parts))
        and len(parts[1]) > 2
        and parts[1] not in _DOMAINS
    ):
        return parts[0], parts[1]
    return name, ""


def may_be_one(first: str, second: str) -> bool:
    """Whether two names may mean one service: the same name, and no other namespace."""
    (short, space), (wanted, wanted_space) = split_service(first), split_service(second)
    return short == wanted and (not space or not wanted_space or space == wanted_space)
