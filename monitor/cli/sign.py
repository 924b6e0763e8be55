"""What the doctor says of one thing."""

from typing import Literal, NamedTuple


class Sign(NamedTuple):
    """One thing looked at."""

    what: str
    state: Literal["good", "mind", "bad"]
    said: str
