-- What is published of calls: whole hours where a step of time is made of these, else windows of ten seconds.
{% set by_window, by_hour, by_time = "edge_windows", "edge_hours", true %}
{% include "parts/published_rows.sql" %}
