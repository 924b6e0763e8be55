"""A shop's calls, drawn bin by bin: overdispersed errors, latencies of several humps that drift, a
day that rises and falls.

Calls of one version on one seam are a matrix of bins by latency buckets (the buckets of the
outside format), drawn whole; so 20,000 calls a minute cost as much as 20. Errors and slowness of a
service reach its callers in part.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from tests.bench.detection.plan import NEW, OF_CALLS, OLD, ZONES, Release, Seam, Shop

LOWEST, HIGHEST = 56, 216
"""Buckets of microseconds: bucket i holds (2^(i/8), 2^((i+1)/8)], here 128 µs to 134 s."""
BOUNDS = np.arange(LOWEST, HIGHEST + 1)
HALF, MOST = 0.5, 0.9
"""How many failures of a callee its callers fail by, usually and in a cascade."""
AGAIN, ASTRAY = 0.4, 0.5
"""How many calls fail that are made again and again, and that are made to somebody else."""
REFUSED = 0.2
"""A refusal takes so much of the time of an answer."""
REMEMBERS = 600.0
"""Seconds in which a wandering level forgets."""


@dataclass(frozen=True)
class Calls:
    """One version's calls on one seam, by one instance where instances are recorded: bins x
    buckets, and errors per bin.
    """

    seam: Seam
    version: str
    instance: str
    latency: np.ndarray
    errors: np.ndarray
    there: np.ndarray
    """Bins in which the instance is up, whether it answers or not."""
    zone: str = ""


class Drawing:
    """Draws the calls of one shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.rng = np.random.default_rng(shop.seed + 1)
        self.seconds = (
            np.arange(int((shop.before_s + shop.after_s) // shop.step_s)) + 0.5
        ) * shop.step_s
        self.released = {release.service: release for release in shop.releases}
        self.sun = _sun(shop.begins + self.seconds)
        self.incident = (self.seconds >= shop.incident[0]) & (self.seconds < shop.incident[1])

    def calls(self) -> list[Calls]:
        """Every seam's calls by callee version and instance."""
        all_calls: list[Calls] = []
        for seam in self.shop.seams:
            volume, error, slow = self._levels(seam)
            release = self.released.get(seam.caller)
            if (
                release is not None
                and release.fault == "misrouted"
                and release.child == seam.callee
            ):
                away = release.size * release.share_at(self.seconds)
                astray = replace(seam, callee=release.strange)
                for version, share in self._versions(astray.callee):
                    all_calls += self._drawn(
                        astray, version, share, volume * away, error + ASTRAY, slow
                    )
            part = self.newer(seam)
            volume = volume * self.made(seam)
            error = error + (
                AGAIN * part if release is not None and release.fault == "retries" else 0.0
            )
            for version, zone, share in self._places(seam.callee):
                all_calls += [
                    replace(calls, zone=zone)
                    for calls in self._drawn(seam, version, share, volume, error, slow)
                ]
        return all_calls

    def made(self, seam: Seam) -> np.ndarray:
        """How many of its calls a caller makes, whatever its version: fewer, or more, than it
        should.
        """
        release = self.released.get(seam.caller)
        if release is None or release.fault not in OF_CALLS:
            return np.ones(self.seconds.size)
        if release.fault == "misrouted" and seam.callee != release.child:
            return np.ones(self.seconds.size)
        more = release.size if release.fault == "retries" else -release.size
        return 1.0 + more * release.share_at(self.seconds)

    def newer(self, seam: Seam) -> np.ndarray:
        """The share of a seam's calls that the caller's new version makes."""
        release = self.released.get(seam.caller)
        if release is None:
            return np.zeros(self.seconds.size)
        share, made = release.share_at(self.seconds), self.made(seam)
        if seam.callee == release.strange:
            return np.ones(self.seconds.size)
        return (made - (1.0 - share)) / np.maximum(made, 1e-9)

    def _levels(self, seam: Seam) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Calls a bin, chance of an error and factor of latency, before any release's doing."""
        daily = self.shop.world == "daily"
        volume = (
            seam.per_minute * self.shop.step_s / 60.0 * (1.0 + (0.7 if daily else 0.3) * self.sun)
        )
        volume = volume * np.exp(self._wander(0.1))
        if self.shop.world == "bursts":
            volume = volume * np.where(
                self.rng.random(volume.size) < 0.05, self.rng.uniform(2, 5), 1.0
            )
        error = (
            seam.error
            * np.exp(self._wander(0.3))
            * (1.0 + (1.5 if daily else 0.3) * np.maximum(self.sun, 0.0))
        )
        if seam.burstiness:
            shape = 1.0 / seam.burstiness
            error = error * self.rng.gamma(shape, 1.0 / shape, error.size)
        if seam.fails_alone:
            error = error + np.where(
                self.rng.random(error.size) < 0.02, self.rng.uniform(0.05, 0.5), 0.0
            )
        slow = np.exp(self._wander(0.07)) * (1.0 + (0.5 if daily else 0.1) * self.sun)
        return volume, error, slow

    def _wander(self, size: float) -> np.ndarray:
        """AR(1) on the log with this standard deviation."""
        keep = float(np.exp(-self.shop.step_s / REMEMBERS))
        noise = self.rng.standard_normal(self.seconds.size) * size
        out = np.empty_like(noise)
        level = float(noise[0])
        for place, sample in enumerate(noise):
            level = keep * level + (1.0 - keep**2) ** 0.5 * float(sample)
            out[place] = level
        return out

    def _versions(self, service: str) -> list[tuple[str, np.ndarray]]:
        release = self.released.get(service)
        if release is None:
            return [("7.0.0", np.ones(self.seconds.size))]
        share = release.share_at(self.seconds)
        return [(OLD, 1.0 - share), (NEW, share)]

    def _places(self, service: str) -> list[tuple[str, str, np.ndarray]]:
        """Version, zone, and share of the service's calls."""
        release = self.released.get(service)
        if not self.shop.tells_zones:
            return [(version, "", share) for version, share in self._versions(service)]
        places = []
        for place, zone in enumerate(ZONES):
            if release is None or release.style != "zones":
                places += [
                    (version, zone, share / len(ZONES))
                    for version, share in self._versions(service)
                ]
                continue
            share = release.share_in(place, self.seconds) / len(ZONES)
            places += [(OLD, zone, 1.0 / len(ZONES) - share), (NEW, zone, share)]
        return places

    def own(self, service: str, version: str, caller: str) -> tuple[np.ndarray, np.ndarray]:
        """What a service's release and incidents add to the chance of an error, and the factor of
        latency, for calls of one caller.
        """
        added, factor = np.zeros(self.seconds.size), np.ones(self.seconds.size)
        if self.shop.world == "outage" or service == self.shop.failing:
            added += np.where(self.incident, self.shop.incident[2], 0.0)
        release = self.released.get(service)
        if release is not None:
            more, times = _harm(release, version, caller, self.seconds)
            added, factor = added + more, factor * times
            if self.shop.world == "cold" and version == NEW:
                begins = release.ready or release.at
                cold = np.clip((begins + 60.0 - self.seconds) / self.shop.step_s + 0.5, 0.0, 1.0)
                factor, added = factor * (1.0 + 3.0 * cold), added + 0.02 * cold
        for other in self.shop.releases:
            if other.fault == "slow_callers" and any(
                s.caller == service and s.callee == other.service for s in self.shop.seams
            ):
                factor = factor * (1.0 + (other.size - 1.0) * other.share_at(self.seconds))
            if other.fault in ("callers", "schema") and any(
                s.caller == service and s.callee == other.service for s in self.shop.seams
            ):
                added = added + other.size * other.share_at(self.seconds) * (
                    MOST if other.fault == "callers" else HALF
                )
        return added, factor

    def below(self, service: str, deep: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """What the callees of a service do to its answers."""
        added, factor = np.zeros(self.seconds.size), np.ones(self.seconds.size)
        for seam in self.shop.seams:
            if seam.caller != service or deep > 3:
                continue
            more, times = self.below(seam.callee, deep + 1)
            release = self.released.get(seam.callee)
            part = MOST if release is not None and release.fault == "cascade" else HALF
            for version, share in self._versions(seam.callee):
                own_more, own_times = self.own(seam.callee, version, service)
                more, times = more + share * own_more, times + share * (own_times - 1.0)
            added, factor = added + part * more, factor + 0.4 * (times - 1.0)
        return added, factor

    def _drawn(
        self,
        seam: Seam,
        version: str,
        share: np.ndarray,
        volume: np.ndarray,
        error: np.ndarray,
        slow: np.ndarray,
    ) -> list[Calls]:
        release = self.released.get(seam.callee)
        added, factor = self.own(seam.callee, version, seam.caller)
        passed, waited = self.below(seam.callee)
        chance = np.clip(error + added + passed, 0.0, 0.98)
        names = self._instances(release, version)
        begins = (release.ready or release.at) if release is not None else 0.0
        there = (
            self.seconds >= begins if version == NEW else np.ones(self.seconds.size, dtype=bool)
        )
        all_calls = []
        for place, name in enumerate(names):
            lame = release is not None and release.fault == "one_pod" and version == NEW
            times = factor * waited * slow
            if lame and (place == 0 or len(names) == 1):
                weight = np.full(self.seconds.size, 1.0 if len(names) > 1 else 0.4)
                law = [(1.0 - weight, times), (weight, times * release.size)]  # type: ignore[union-attr]
            elif release is not None and release.fault == "tail" and version == NEW:
                weight = np.full(self.seconds.size, 0.05)
                law = [(1.0 - weight, times), (weight, times * release.size)]
            elif release is not None and release.fault == "refusals" and version == NEW:
                weight = np.full(self.seconds.size, release.size)
                law = [(1.0 - weight, times), (weight, times * REFUSED)]
            else:
                law = [(np.ones(self.seconds.size), times)]
            latency = self.rng.poisson(
                volume[:, None] * share[:, None] / len(names) * _shape(seam, law)
            )
            errors = self.rng.binomial(latency.sum(axis=1), chance)
            all_calls.append(Calls(seam, version, name, *self._kept(latency, errors), there))
        return all_calls

    def _instances(self, release: Release | None, version: str) -> tuple[str, ...]:
        if self.shop.record != "instances":
            return ("",)
        count = (
            3
            if version != NEW
            else 1
            if release is not None and release.style == "canary" and release.fault != "one_pod"
            else 2
        )
        return tuple(f"{version}-{place}" for place in range(count))

    def _kept(self, latency: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What sampling and losses leave."""
        world, rng = self.shop.world, self.rng
        if world == "head":
            return rng.binomial(latency, 0.1), rng.binomial(errors, 0.1)
        if world == "tail":
            fine = np.maximum(latency.sum(axis=1) - errors, 0)
            kept = rng.binomial(fine, 0.15)
            share = (kept + errors) / np.maximum(latency.sum(axis=1), 1)
            return rng.binomial(latency, share[:, None]), errors
        if world == "lossy":
            left = np.where(
                rng.random(errors.size) < 0.04,
                0.0,
                np.where(rng.random(errors.size) < 0.1, 0.5, 1.0),
            )
            return rng.binomial(latency, left[:, None]), rng.binomial(errors, left)
        return latency, errors


def _harm(
    release: Release, version: str, caller: str, seconds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    none, neutral = np.zeros(seconds.size), np.ones(seconds.size)
    fault, size = release.fault, release.size
    if fault == "shared":
        return size * release.share_at(seconds), neutral
    if version != NEW:
        return none, neutral
    if fault in ("errors", "cascade", "refusals") or (fault == "pair" and caller == release.pair):
        return none + size, neutral
    if fault == "leak":
        return size * np.clip((seconds - release.harm_from) / 1200.0, 0.0, 1.0), neutral
    return none, neutral * (size if fault in ("latency", "own_time") else 1.0)


def _shape(seam: Seam, law: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Share of calls per bin and bucket."""
    base = 8.0 * np.log2(seam.median_ms * 1000.0)
    sd = 8.0 * seam.spread / np.log(2.0)
    out = np.zeros((law[0][0].size, BOUNDS.size - 1))
    for weight, times in law:
        for share, more in ((1.0 - seam.slow_share, 1.0), (seam.slow_share, seam.slow_times)):
            middle = base + 8.0 * np.log2(np.maximum(times * more, 1e-6))
            out += (weight * share)[:, None] * np.diff(
                ndtr((BOUNDS[None, :] - middle[:, None]) / sd), axis=1
            )
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-12)


def _sun(epoch: np.ndarray) -> np.ndarray:
    """-1 at night to 1 in the afternoon, less at the weekend."""
    day = np.sin(2.0 * np.pi * ((epoch % 86400.0) / 86400.0 - 0.375))
    weekend = ((epoch // 86400.0).astype(int) + 3) % 7 >= 5
    return np.where(weekend, 0.5 * day - 0.3, day)
