"""The command `seamwatch`: one file a noun; nothing is loaded before it is needed."""

from monitor.cli.main import main

__all__ = ["main"]
