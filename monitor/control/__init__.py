"""Control state: deploys, findings, verdicts, alerts, tokens and leases, over SQLite or
PostgreSQL.
"""
