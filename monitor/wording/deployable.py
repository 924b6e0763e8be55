"""Sentences about what keeps a version from an environment, and how it could be shown.

Nothing reads these sentences back. Names in them are foreign text: who shows them escapes them.
"""

from collections.abc import Mapping

from monitor.model.deployable import Missing, MissingCode
from monitor.wording.ramps import short_span

MISSING: Mapping[MissingCode, str] = {
    "pair_never_seen": "never seen in {days} days: about {calls:,} calls without a failure would prove it{how}",
    "pair_more_calls": "about {calls:,} more calls would prove it{pace}",
    "pair_observed_broken": "broken on live traffic ({calls:,} calls{by})",
    "pair_observed_open": "{calls:,} calls were seen, and more of the same would not prove it",
    "pair_example_broken": "{version} breaks what {contract} expects: {names}",
    "pair_examples_unshown": "{version} has not shown {count:,} examples of {contract}: {names}; call them where it runs",
    "pair_declared_breaking": "revision {revision} of {contract} breaks consumers of the one in force: `seamwatch contracts diff` tells where",
    "pair_declared_undecided": "whether revision {revision} of {contract} breaks consumers is undecided: `seamwatch contracts diff` tells where",
    "pair_declared_unreadable": "revision {revision} of {contract} cannot be read any more",
    "deploy_nobody_known": "no service that calls {service} or is called by it was seen in {environment} in {days} days: nothing can be shown",
    "deploy_seen_elsewhere": "evidence is of {environments}",
    "deploy_is_live": "{version} is or was live in {environment} itself",
    "deploy_data_old": "the newest closed window ended {span} ago, at {until}: what is live since then is not known",
    "deploy_place_silent": "no call to or from {service} was seen in {environment} in the last {span} of the data",
}


def missing_sentence(missing: Missing) -> str:
    """What is missing, as one sentence."""
    values = dict(missing.parameters)
    seconds = float(values.get("seconds", 0.0))
    values["span"] = span = short_span(seconds)
    if missing.code == "pair_never_seen":
        share = float(values.get("share", 0.0))
        how = f"; at {share:.0%} of the traffic there that takes about {span}"
        values["how"] = (
            how if seconds else "; send them in a test environment that Seamwatch reads"
        )
    if missing.code == "pair_more_calls":
        values["pace"] = f", about {span} at the present rate" if seconds else ""
    if missing.code == "pair_observed_broken":
        values["by"] = f"; finding on {values['signals']}" if values.get("signals") else ""
    return MISSING[missing.code].format_map(values)
