"""The HTTP face: /v1 for programs, a page for people, probes for platforms. `app.create_app`
builds it from opened parts.
"""
