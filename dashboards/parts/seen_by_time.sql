-- What is published of services seen alive: whole hours where a step of time is made of these, else windows of ten seconds.
{% set by_window, by_hour, by_time = "sightings", "sighting_hours", true %}
{% include "parts/published_rows.sql" %}
