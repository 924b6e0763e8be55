"""What judging may be told: error budgets, effect floors, how much data is enough."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Times in seconds, shares and rates as fractions.

    `alpha` bounds the share of false findings per deploy (e-BH). `floor_ratio` is the rate ratio
    below which a difference does not count; `latency_floor_buckets` (of 2^(1/8) each) and
    `latency_floor_seconds` the same for latency: both must be exceeded. `step_seconds`: what
    begins later after a deploy is no step at its moment. `warmup_seconds`: so long an instance is
    fresh, and its slow calls are no evidence. `deadline`: this is the last look (a gate's): half
    of alpha goes to one exact test per rate. `equivalence_alpha` is the one-sided error of a pass,
    per edge.
    """

    alpha: float = 0.01
    deadline: bool = False
    floor_ratio: float = 1.25
    floor_difference: float = 0.005
    latency_floor_buckets: int = 2
    latency_floor_seconds: float = 0.005
    latency_floor_points: float = 0.05
    latency_tail_points: float = 0.02
    equivalence_alpha: float = 0.05
    share_of_calls: float = 0.95
    min_bad_windows: int = 2
    min_windows: int = 3
    warmup_seconds: float = 60.0
    before_seconds: float = 1800.0
    after_seconds: float = 21600.0
    late_seconds: float = 180.0
    coverage_difference: float = 0.2
    unknown_version_share: float = 0.2
    silence_windows: int = 12
    placebo_windows: int = 24
    concurrent_seconds: float = 1800.0
    step_seconds: float = 3600.0
