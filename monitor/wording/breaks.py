"""What is said of a broken clause as an event, in one sentence. Names in it are foreign text: who
shows it escapes it.
"""

from monitor.model.breaks import MEANING, SHAPE, UNSEEN, ContractBreak
from monitor.wording.times import time_sentence


def break_sentence(event: ContractBreak) -> str:
    """The clause, and for one on time its numbers: `p99.5 = 2.1 s exceeds checkout's timeout of 2
    s (since payment 2.0.0; …)`.
    """
    if event.time is not None:
        return f"{event.operation}: {time_sentence(event.time)}"
    if event.rule == UNSEEN:
        return f"documented, and not {event.expected}: {event.actual}"
    if event.rule in (SHAPE, MEANING):
        where = f"{event.operation} {event.pointer or '/'}"
        before = f", before {event.expected}" if event.rule == SHAPE else ""
        return f"{event.callee} answers otherwise: {where}: {event.actual}{before}"
    place = f" at {event.pointer}" if event.pointer else ""
    return f"the {event.side} of {event.operation or event.callee} breaks {event.rule}{place}"
