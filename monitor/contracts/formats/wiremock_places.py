"""Places that a stub of WireMock speaks of: the host, parts of a path, bytes of an answer, its delay."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from monitor.contracts.form import Delay
from monitor.contracts.formats.naming import delay_ms
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.predicates import See, Seen, see_header
from monitor.contracts.routes import parameters


def text_in_base64(packed: Any) -> str | None:
    """The text that stands in Base64; None for other bytes."""
    try:
        return b64decode(str(packed), validate=True).decode()
    except ValueError:
        return None


_host = see_header("host")


def see_host(call: Call) -> Seen:
    """The host that is asked for, without its port."""
    texts, problem = _host(call)
    return [text.lower().partition(":")[0] for text in texts], problem


def in_template(template: str, name: str) -> See:
    plain = re.sub(r"\{([^{}:/]+):[^{}/]*\}", r"{\1}", template)

    def see(call: Any) -> tuple[list[Any], str]:
        value = parameters(plain, call.exchange.path).get(name)
        return ([] if value is None else [unquote(value)]), ""

    return see


def delay_of(answer: Mapping[str, Any]) -> Delay | None:
    """Fixed, uniform and log-normal delays and the time that a dribbled body takes, in ms. An
    answer waits for each that it has, one after the other.
    """
    dribble = answer.get("chunkedDribbleDelay")
    lasting = dribble.get("totalDuration") if isinstance(dribble, dict) else None
    delays = [
        *(
            Delay(least=fixed, median=fixed)
            for fixed in (delay_ms(answer.get("fixedDelayMilliseconds")), delay_ms(lasting))
            if fixed is not None
        ),
        *_distributed(answer.get("delayDistribution")),
    ]
    if len(delays) < 2:
        return delays[0] if delays else None
    surely = sum(delay.least for delay in delays)
    random = delays[-1]
    if random.median == random.least:
        return Delay(least=surely, median=surely)
    fixed_part = surely - random.least
    return Delay(
        least=surely,
        median=None if random.median is None else fixed_part + random.median,
        most=None if random.most is None else fixed_part + random.most,
    )


def _distributed(held: Any) -> Iterator[Delay]:
    kind = held.get("type") if isinstance(held, dict) else None
    if kind == "uniform":
        yield Delay(least=delay_ms(held.get("lower")) or 0.0, most=delay_ms(held.get("upper")))
    elif kind == "lognormal":
        yield Delay(median=delay_ms(held.get("median")), most=delay_ms(held.get("maxValue")))
    elif kind == "fixed" and (fixed := delay_ms(held.get("milliseconds"))) is not None:
        yield Delay(least=fixed, median=fixed)
