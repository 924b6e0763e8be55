"""Seamwatch: which integration broke in production, between which versions, since which deploy."""

__version__ = "0.1.0"
