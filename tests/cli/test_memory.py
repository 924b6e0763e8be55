"""One arena for all threads, where the C library knows of arenas."""

import ctypes
import platform

import pytest

from monitor.cli.memory import share_one_arena


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the GNU C library's own")
def test_threads_share_one_arena_unless_somebody_chose_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert share_one_arena()
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    assert not share_one_arena()


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert not share_one_arena()
