"""Third room: evidence becomes findings, blame and a verdict."""
