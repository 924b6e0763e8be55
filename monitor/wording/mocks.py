"""Sentences about mocks: what a code says of a stub beside reality. Nothing reads them back; names
in them are foreign text, which who shows them escapes.
"""

from collections.abc import Mapping

from monitor.model.mocks import Fidelity, MockCode, MockFinding, MockReason

MOCKS: Mapping[MockCode, str] = {
    "stale": "{pointer}: the mock shows {expected}, the real answer lacks it{seen}",
    "sometimes_absent": "{pointer}: the mock always shows {expected}, the real answer lacks it at times{seen}",
    "type_drift": "{pointer}: {expected} in the mock, {actual} in the real answer{seen}",
    "outside_matchers": "{pointer}: the real answer has it ({actual}){seen}, the mock does not",
    "matcher_broken": "{pointer}: the real answer breaks the matcher {expected}{seen}",
    "status_never_live": "the mock answers {expected}, the real one never does: it answers {actual} (0 of {of}; at most {never})",
    "status_never_mocked": "the real one answers {actual}{seen}; the mock answers {expected} only",
    "latency_drift": "the mock has {expected}, the real one {actual}",
    "dead": "no exchange of {of} asked for it (at most {upper})",
    "missing": "answered live with {status}{seen}, and no stub covers it",
}
WHY_UNDECIDED: Mapping[MockReason, str] = {
    "": "",
    "no_traffic": "no call of the provider was seen in that time, since this revision of the mock was published",
    "no_stub_met": "of {exchanges} exchanges none asked for what a stub answers",
    "nothing_judged": "the logs do not show enough of {exchanges} exchanges to tell which stub was meant",
}


def mock_sentence(finding: MockFinding) -> str:
    """The finding as one line, without the stub's name."""
    since = f", in {', '.join(finding.versions[:3])}" if finding.versions else ""
    sentence = MOCKS[finding.code].format(
        pointer=finding.pointer or "the body",
        expected=finding.expected,
        actual=finding.actual,
        of=f"{finding.of:,}",
        status=finding.status,
        upper=_percent(finding.upper),
        never=_percent(1 - finding.lower),
        seen=f" in {finding.exchanges:,} of {finding.of:,} ({_percent(finding.share)}{since})",
    )
    return sentence[:1].upper() + sentence[1:]


def why_undecided(fidelity: Fidelity) -> str:
    """Why nothing is told of a mock; "" where something is."""
    return WHY_UNDECIDED[fidelity.reason].format(exchanges=f"{fidelity.exchanges:,}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
