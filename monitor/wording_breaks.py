"""What is said of a broken clause as an event, in one sentence. Names in it are foreign text: who shows it escapes it."""

from monitor.model.breaks import UNSEEN, ContractBreak
from monitor.wording_times import time_sentence


def break_sentence(one: ContractBreak) -> str:
    """The clause, and for one on time its numbers: `p99.5 = 2.1 s exceeds checkout's timeout of 2 s (since payment 2.0.0; …)`."""
    if one.time is not None:
        return f"{one.operation}: {time_sentence(one.time)}"
    if one.rule == UNSEEN:
        return f"documented, and not {one.expected}: {one.actual}"
    place = f" at {one.pointer}" if one.pointer else ""
    return f"the {one.side} of {one.operation} breaks {one.rule}{place}"
