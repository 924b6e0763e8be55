"""What bytes that nobody thought of may raise in a decoder: a reject like any other."""

from monitor.errors import UNFORESEEN

__all__ = ["UNFORESEEN"]
