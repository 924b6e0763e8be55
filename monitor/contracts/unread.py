"""A revision's text until somebody asks what it promises: packed, and gone once it was read."""

import threading
import zlib

from monitor.contracts.form import Promise
from monitor.contracts.limits import ContractLimits
from monitor.errors import ContractError


class Unread:
    """Called, it gives the promise, read by the first call; None where the text cannot be used,
    for the reason in `why`. Safe between threads.
    """

    __slots__ = ("_format", "_lenient", "_limits", "_lock", "_packed", "_promise", "_where", "why")

    def __init__(
        self, form: str, text: str, where: str, lenient_nullable: bool, limits: ContractLimits
    ) -> None:
        self._format = form
        # documents repeat themselves: a tenth is left of most
        self._packed: bytes | None = zlib.compress(text.encode("utf-8", "surrogatepass"), 1)
        self._where = where
        self._lenient = lenient_nullable
        self._limits = limits
        self._lock = threading.Lock()
        self._promise: Promise | None = None
        self.why = ""

    def __call__(self) -> Promise | None:
        """What the text promises."""
        if self._packed is not None:
            with self._lock:
                if self._packed is not None:
                    self._read(zlib.decompress(self._packed).decode("utf-8", "surrogatepass"))
                    self._packed = None
        return self._promise

    def _read(self, text: str) -> None:
        # a sixth of a collector's start goes by loading every format, and many have no contract
        from monitor.contracts.read import read_contract  # noqa: PLC0415

        try:
            self._promise = read_contract(
                self._format,
                text,
                where=self._where,
                lenient_nullable=self._lenient,
                limits=self._limits,
            )
        except ContractError as error:
            self.why = str(error)
