"""Halves of some windows to the rows that are published of them: by column, the same for few rows
and for many. Pure.
"""
