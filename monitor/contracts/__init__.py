"""Contracts: formats into one intermediate form, matching, checking, shapes. Pure: no I/O, no clock, no network."""
