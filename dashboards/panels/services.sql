-- Which services and versions are alive? Failing ones first, and how many there are in all.
{% include "parts/published.sql" %}
SELECT
    environment, namespace, service, version,
    uniqExact(instance) AS instances, sum(spans) AS spans, sum(server_calls) AS server_calls, sum(failed) AS failed,
    min(window) AS first_window, max(window) AS last_window,
    count() OVER () AS in_all
FROM sightings
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} IN ('', service, concat(namespace, '/', service)))
GROUP BY environment, namespace, service, version
ORDER BY server_calls > 0 AND failed >= 0.05 * server_calls DESC, environment, namespace, service, last_window DESC, version
LIMIT {limit:UInt32} OFFSET {offset:UInt32}