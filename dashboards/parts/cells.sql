-- What is published of calls: whole hours, and windows of ten seconds outside these.
{% set by_window, by_hour, by_time = "edge_windows", "edge_hours", false %}
{% include "parts/published_rows.sql" %}
