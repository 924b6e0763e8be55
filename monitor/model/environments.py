"""Where systems run, as telemetry and people name it."""

NO_ENVIRONMENT = "default"
"""Of spans, logs and deploys that do not tell theirs: one name, so that they meet."""
