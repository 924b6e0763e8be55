"""Alerts: their life (pure), and the receivers they leave for."""
