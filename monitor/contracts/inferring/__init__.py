"""Contracts inferred from what was live: skeletons and marks of payloads, never a value."""
