"""What became of exchanges that were held against contracts, in one sentence."""

from collections.abc import Mapping

OBSERVED = "not_checked:observed"


def unchecked_in(conformance: Mapping[str, int]) -> dict[str, int]:
    """Exchanges that were not checked, by reason, the most first. What breaks only an observed
    contract was checked.
    """
    reasons = {
        name.partition(":")[2]: count
        for name, count in conformance.items()
        if name.startswith("not_checked:") and name != OBSERVED and count
    }
    return dict(sorted(reasons.items(), key=lambda pair: -pair[1]))


def conformance_told(total: Mapping[str, int], broken: int = 0, not_closed: int = 0) -> str:
    """One sentence of counts by verdict, and by reason where nothing was checked. `broken`
    exchanges stand in the table of clauses, of which `not_closed` came since their window closed.
    """
    left, observed = unchecked_in(total), total.get(OBSERVED, 0)
    violated = total.get("violated", 0)
    why = (
        f" ({', '.join(f'{count:,} {reason}' for reason, count in left.items())})" if left else ""
    )
    only = f", {observed:,} break what is only observed" if observed else ""
    counts = f"checked: {total.get('valid', 0):,} valid, {violated:,} violated{only}, {sum(left.values()):,} not checked{why}"
    if broken in (0, violated + observed):
        return counts
    late = f", {not_closed:,} of them in windows that are not closed since" if not_closed else ""
    return f"{counts}; {broken:,} exchanges broke these clauses{late} (two logs of one call count once above)"
