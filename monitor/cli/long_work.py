"""What a command that reads much does first: what the libraries beneath it would do for nothing
is turned off.
"""

import gc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def prepare() -> None:
    """Collect cycles seldom, and let pyarrow be without pandas; for the whole process."""
    calm_collector()
    arrow_without_pandas()


def calm_collector() -> None:
    """Collect cycles seldom: a batch is some hundred thousand tuples that form none, and looking
    through them costs a tenth of decoding, and of judging from files.

    What is there by now stays: imports leave some two hundred objects in cycles, and looking for
    them costs a fifth of a second.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def arrow_without_pandas() -> None:
    """Let pyarrow find no pandas when it looks for it, once, at its first array.

    Nothing here makes a data frame. Where pandas is installed, pyarrow loads it all the same: half
    a CPU second and 54 MB, and then each array of a few values takes 11 us instead of 2, since it
    is asked whether it is a frame. Other libraries find pandas as before.
    """
    import pyarrow as pa  # as late as this: a command that prints help needs none

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([0])  # its Python part looks, and its C++ part
    finally:
        sys.meta_path.remove(hidden)


class _Hidden:
    """A finder to which pandas is not installed."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=name)
        return None
