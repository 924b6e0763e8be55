"""Spans and exchanges to edges: names, halves, windows. Pure."""
