"""Reading without Python's collector of circles, which looks again and again at the nodes of a
large document and frees none.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No collections inside, unless another thread wants them. 3 MB of YAML takes 1.2 CPU s so,
    and 2.9 with them.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
