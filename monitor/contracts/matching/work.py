"""A bound on what compiling one contract of examples may cost, shared by all its examples."""

from monitor.errors import ContractError

_MOST_STEPS = 250_000


EXAMPLE = 60
"""The steps of one example besides those of its bodies."""
MATCHER = 3
"""The steps of one matcher of a stub, one header, one parameter: up to 20 us and 3 kB."""


class Work:
    """Counts steps, some 3 us each. `where` names the contract in errors."""

    __slots__ = ("_steps", "where")

    def __init__(self, where: str) -> None:
        self.where = where
        self._steps = 0

    def spend(self, steps: int, clause: str) -> None:
        """Count steps. Raises ContractError when the contract asks for more than one may."""
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise ContractError(
                f"{self.where}: its examples and matching rules ask for too much work; split the contract",
                clause,
            )
