"""Bytes to words: OTLP, API logs, deploy events. Pure; bad input comes back as rejects."""
