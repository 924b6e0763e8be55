"""Where the C library keeps what is freed: in one place for all threads."""

import ctypes
import os

_M_ARENA_MAX = -8  # https://sourceware.org/git/?p=glibc.git;a=blob;f=malloc/malloc.h


def share_one_arena() -> bool:
    """For the whole process, before its threads begin; whether it is so now.

    A batch's payloads and columns are some dozens of MB, made by one thread and freed by another.
    A place for each thread keeps what the others could use, and takes new pages instead: 13 % of
    reading's CPU. With Python's lock threads seldom meet in one. The embedded engine has an
    allocator of its own. Whoever set MALLOC_ARENA_MAX is left alone.
    https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))
    except (OSError, AttributeError):
        return False  # another C library
