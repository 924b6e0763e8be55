"""Second room: contrasts and series become e-values, bounds and steps."""
