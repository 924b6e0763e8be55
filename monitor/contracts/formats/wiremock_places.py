"""Places that a stub of WireMock speaks of: the host, parts of a path, bytes of an answer, its delay."""

import re
from base64 import b64decode
from collections.abc import Mapping
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
    """Fixed, uniform and log-normal delays, in ms."""
    fixed = delay_ms(answer.get("fixedDelayMilliseconds"))
    distribution = answer.get("delayDistribution")
    if isinstance(distribution, dict):
        if distribution.get("type") == "uniform":
            return Delay(
                least=delay_ms(distribution.get("lower")) or 0.0,
                most=delay_ms(distribution.get("upper")),
            )
        if distribution.get("type") == "lognormal":
            return Delay(
                median=delay_ms(distribution.get("median")),
                most=delay_ms(distribution.get("maxValue")),
            )
        fixed = (
            delay_ms(distribution.get("milliseconds"))
            if distribution.get("type") == "fixed"
            else fixed
        )
    dribble = answer.get("chunkedDribbleDelay")
    if fixed is None and isinstance(dribble, dict):
        fixed = delay_ms(dribble.get("totalDuration"))
    return None if fixed is None else Delay(least=fixed, median=fixed)
