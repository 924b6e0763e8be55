"""The Grafana dashboard: `seamwatch.json`, and `build`, which makes it from dashboards/panels."""
