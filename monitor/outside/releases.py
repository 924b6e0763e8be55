"""The deploys of a file apart by case, and of a case by service and in time: what is looked for
again and again is found without looking at all there is.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property

from monitor.outside.told import Told


class Releases:
    """The deploys of one case."""

    def __init__(self, deploys: Sequence[Told]) -> None:
        self._deploys = sorted(deploys, key=lambda stated: stated.at)
        self._moments = [stated.at for stated in self._deploys]
        self._by_service: dict[str, list[Told]] = {}
        for stated in self._deploys:
            self._by_service.setdefault(stated.service, []).append(stated)
        self._versions: dict[str, frozenset[str]] = {}

    def between(self, since: float, until: float) -> Sequence[Told]:
        """Those of this time, both ends included."""
        first, end = bisect_left(self._moments, since), bisect_right(self._moments, until)
        return self._deploys[first:end]

    def versions(self, service: str, but: Told | None = None) -> frozenset[str]:
        """Versions that deploys of a service, `but` for one, speak of."""
        if but is not None and but.service == service:
            return _versions([stated for stated in self._of(service) if stated is not but])
        if service not in self._versions:
            self._versions[service] = _versions(self._of(service))
        return self._versions[service]

    def names_version(self, service: str, but: Told) -> bool:
        """Whether a deploy of the service, `but` for one, tells which version it brought."""
        return any(stated.version_to for stated in self._of(service) if stated is not but)

    def _of(self, service: str) -> Sequence[Told]:
        return self._by_service.get(service, ())


def _versions(deploys: Sequence[Told]) -> frozenset[str]:
    ends = (version for stated in deploys for version in (stated.version_from, stated.version_to))
    return frozenset(version for version in ends if version)


class Deploys(list[Told]):
    """The deploys of a file, in its order."""

    @cached_property
    def _by_case(self) -> dict[str, Releases]:
        cases: dict[str, list[Told]] = {}
        for stated in self:
            cases.setdefault(stated.case, []).append(stated)
        return {case: Releases(deploys) for case, deploys in cases.items()}

    def of(self, case: str) -> Releases:
        """Those of one case."""
        return self._by_case.get(case) or Releases(())
