"""First room: sealed windows become tables of edges, contrasts of versions, and series
over time.
"""
