-- What is published of services seen alive: whole hours where these were summed, and windows of ten seconds.
{% set by_window, by_hour, by_time = "sightings", "sighting_hours", false %}
{% include "parts/published_rows.sql" %}
