"""Is the new version worse on this edge, and whose fault is it? Values in, values out: no clock,
no chance, no store.
"""
