"""Operations that every request of one fits as well as of the other: their paths differ in the
names of parameters only. OpenAPI forbids it, vendors publish it, and nothing tells which is meant.
"""

import re

from monitor.contracts.form import Body, Left, Operation

_PARAMETER = re.compile(r"\{[^{}]*\}")


class Twins:
    """The operations of a document as they come. `left` names what is not judged of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Operation] = {}
        self.left: list[Left] = []

    def told(self, operation: Operation) -> Operation:
        """The operation; where one before has the same requests, what is sure of both: that they
        are offered, and that an answer has a status that one of them lists.
        """
        key = (operation.method, _PARAMETER.sub("{}", operation.route))
        first = self._known.setdefault(key, operation)
        if first is operation:
            return operation
        self.left.append(
            Left(
                operation.clause,
                f"every request of it is one of {first.route[:120]!r} too: of calls of both only the status is judged",
            )
        )
        statuses = {**operation.responses, **first.responses}
        both = Operation(
            first.method,
            first.route,
            (),
            None,
            {status: Body(False, {}, body.clause) for status, body in statuses.items()},
            first.clause,
            whole=first.whole and operation.whole,
            partial=first.partial or operation.partial,
            deprecated=first.deprecated and operation.deprecated,
        )
        self._known[key] = both
        return both
