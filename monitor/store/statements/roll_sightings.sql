-- One hour of sightings summed into sighting_hours: what is published, but `fresh` windows from the new generation.
INSERT INTO sighting_hours (window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
{% include "parts/published_of_hour.sql" %}
SELECT toDateTime({hour:UInt32}), {generation:UInt64}, environment, namespace, service, version, instance, sum(spans), sum(server_calls), sum(failed)
FROM sightings
{% include "parts/rows_of_hour.sql" %}
GROUP BY environment, namespace, service, version, instance
