-- Which share of a service's server calls does each version answer, over time?
{% include "parts/published.sql" %}
SELECT
    time, environment, namespace, service, version, server_calls, failed, instances,
    server_calls / greatest(sum(server_calls) OVER (PARTITION BY time, environment, namespace, service), 1) AS share
FROM (
    SELECT
        toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
        environment, namespace, service, version,
        sum(server_calls) AS server_calls, sum(failed) AS failed, uniqExact(instance) AS instances
    FROM sightings
    WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
        AND ({environment:String} = '' OR environment = {environment:String})
        AND ({service:String} IN ('', service, concat(namespace, '/', service)))
    GROUP BY time, environment, namespace, service, version
)
ORDER BY time, environment, namespace, service, version
