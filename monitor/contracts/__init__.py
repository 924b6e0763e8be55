"""Contracts: formats into one intermediate form, matching, checking. Pure: no I/O, no clock, no
network.
"""
