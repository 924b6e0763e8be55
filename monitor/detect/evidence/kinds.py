"""Kinds of failures: by error type and by what was said, alike ones together; which of them the
old version never had.

New is a kind of which the new version has ENOUGH calls, the old one none, though at the new one's
rate it would have had EXPECTED (so that none is no chance), and whose error type was not seen on
these edges before either, where what was said tells no more.
"""

from collections.abc import Collection, Sequence

from monitor.detect.measure.contrasts import Role
from monitor.model.alike import Alike
from monitor.model.judging import FailureKind

ENOUGH, EXPECTED, MOST_KINDS = 5, 7.0, 5
ALIKE = 0.7
"""Of two messages with as many words so large a part must be the same for them to be
of one kind.
"""
_Said = tuple[str, str]


def failure_kinds(
    calls: Sequence[Alike],
    role: Role,
    new: str,
    old: str,
    before: Collection[str] = (),
    *,
    known_long: bool = False,
) -> tuple[FailureKind, ...]:
    """The new version's kinds of failures, the most frequent first. `before`: error types seen
    before the deploy.

    `known_long`: these are of the whole day before; else of the time that was judged.
    """
    counts: dict[str, dict[_Said, int]] = {new: {}, old: {}}
    totals = {new: 0, old: 0}
    for alike in calls:
        version = alike.version_of(role)
        if version in counts:
            totals[version] += alike.calls
            for kind, template, count in alike.failures:
                by_kind = counts[version]
                by_kind[kind, template] = by_kind.get((kind, template), 0) + count
    kinds: list[FailureKind] = []
    old_messages = [message for message, _ in _clustered(counts[old])]
    for (kind, template), count in _clustered(counts[new]):
        never = not any(
            other == kind and _alike(words, template) is not None for other, words in old_messages
        )
        expected = count / max(totals[new], 1) * totals[old]
        is_new = (
            new != old
            and never
            and count >= ENOUGH
            and expected >= EXPECTED
            and (bool(template) or kind not in before)
        )
        kinds.append(
            FailureKind(
                kind, template, count, is_new, is_new and known_long and kind not in before
            )
        )
    return tuple(
        sorted(
            kinds,
            key=lambda failure: (
                not failure.is_new,
                -failure.calls,
                failure.error_type,
                failure.template,
            ),
        )[:MOST_KINDS]
    )


def _clustered(counts: dict[_Said, int]) -> list[tuple[_Said, int]]:
    """Kinds with their calls: messages that differ in few words are one, with
    placeholders there.
    """
    clusters: list[tuple[_Said, int]] = []
    for (kind, template), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        for place, ((other, words), calls) in enumerate(clusters):
            merged = _alike(words, template) if other == kind else None
            if merged is not None:
                clusters[place] = ((kind, merged), calls + count)
                break
        else:
            clusters.append(((kind, template), count))
    return clusters


def _alike(template: str, other: str) -> str | None:
    """One template for both, None where they are not alike."""
    if template == other:
        return template
    left, right = template.split(), other.split()
    if len(left) != len(right):
        return None
    same = sum(a == b for a, b in zip(left, right, strict=True))
    return (
        " ".join(a if a == b else "<any>" for a, b in zip(left, right, strict=True))
        if same >= ALIKE * len(left)
        else None
    )
