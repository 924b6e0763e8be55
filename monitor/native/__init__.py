"""The native readers, where they are built: hot loops in Rust behind the same seams as their
references in Python.
"""

from types import ModuleType

VERSION = "0.8.10"
"""What Cargo.toml says too: a build of other sources is not used."""
COST = "decoding spans costs some twenty times the CPU"


def _built() -> tuple[ModuleType | None, str]:
    try:
        from monitor.native import _native  # noqa: PLC0415 - it is there or not
    except ImportError as error:
        return None, f"not built ({error})" if "cannot import name" not in str(
            error
        ) else "not built"
    if _native.VERSION != VERSION:
        return None, f"built of other sources ({_native.VERSION}, not {VERSION})"
    return _native, ""


BUILT, WHY_NOT = _built()
"""The module, or None and why."""


def decoder_in_use() -> str:
    """One line: which decoder reads spans here, and what the reference costs where it does."""
    if BUILT is not None:
        return f"native {VERSION}"
    return f"reference in Python, native one {WHY_NOT}: {COST}; `make install` builds it where cargo is, `make wheel` for elsewhere"
