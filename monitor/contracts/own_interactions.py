"""A pact's own examples held against its own matching rules: where one does not fit, no answer that
is like the example will.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.form import Interaction, Message, Promise
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload
from monitor.contracts.refs import resolve
from monitor.contracts.remarks import Remark
from monitor.contracts.shown import messages_in, shown_in
from monitor.contracts.shown_exchange import example_exchange

MOST_TOLD = 50
_MOST_NAMED = 3
_TOPIC = "an example"


def own_interactions(
    kind: str, document: Mapping[str, Any], promise: Promise
) -> tuple[int, list[Remark]]:
    """How many examples were looked at, and a remark for each side that does not fit, at most 50
    and one for the rest; nothing where the document is no pact.

    Passed over are sides whose values are generated, and bodies that stand there in Base64.
    """
    if kind != "pact":
        return 0, []
    looked_at, misfits = 0, list[Remark]()
    for clause, broken in (*_of_calls(document, promise), *_of_messages(document, promise)):
        looked_at += 1
        if broken:
            misfits.append(Remark(clause, _said(broken), grave=False, kind="example"))
    more = len(misfits) - MOST_TOLD
    if more > 0:
        text = f"{more} more examples do not fit their matching rules"
        misfits[MOST_TOLD:] = [Remark("", text, grave=False, kind="example")]
    return looked_at, misfits


def _of_calls(
    document: Mapping[str, Any], promise: Promise
) -> Iterator[tuple[str, Sequence[Broken]]]:
    by_clause: dict[str, Interaction] = {it.clause: it for it in promise.interactions}
    for shown in shown_in("pact", document):
        interaction = by_clause.get(shown.clause)
        if interaction is None:
            continue
        exchange = example_exchange(shown.request, shown.response)
        call = Call(
            exchange,
            Payload(exchange.request_body, exchange.request_headers),
            Payload(exchange.response_body, exchange.response_headers),
        )
        for word, parts, side, body in (
            ("request", interaction.request, shown.request, exchange.request_body),
            ("response", interaction.response, shown.response, exchange.response_body),
        ):
            if "generators" in side or (side.get("body") and body is None):
                continue
            mismatches = Mismatches()
            for part in parts:
                part(call, mismatches)
            yield f"{shown.clause}/{word}", mismatches.broken


def _of_messages(
    document: Mapping[str, Any], promise: Promise
) -> Iterator[tuple[str, Sequence[Broken]]]:
    by_clause: dict[str, Message] = {it.clause: it for it in promise.messages if not it.pending}
    for _, clause, topic, payload in messages_in("pact", document, promise, topicless=True):
        message = next((it for at, it in by_clause.items() if clause.startswith(f"{at}/")), None)
        if message is None or len(message.sides) != 1 or not isinstance(payload, dict | list):
            continue
        if "generators" in resolve(dict(document), f"#{message.clause}", ""):
            continue
        headers = {"content-type": message.media or "application/json"}
        record = Carried(topic or _TOPIC, orjson.dumps(payload), headers)
        mismatches = Mismatches()
        message.sides[0](record.content(message.media), mismatches)
        yield clause, mismatches.broken


def _said(broken: Sequence[Broken]) -> str:
    named = "; ".join(_breaks(it) for it in broken[:_MOST_NAMED])
    more = f" and {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
    return f"this example does not fit its own matching rules: {named}{more}"


def _breaks(broken: Broken) -> str:
    what = f" ({broken.expected})" if broken.expected not in ("", broken.rule) else ""
    return f"{broken.pointer or 'the whole'} breaks `{broken.rule}`{what}"
