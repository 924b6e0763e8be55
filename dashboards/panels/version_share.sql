-- Which share of a service's server calls does each version answer, over time?
{% include "parts/seen_by_time.sql" %}
SELECT
    time, environment, namespace, service, version, server_calls, failed, instances,
    server_calls / greatest(sum(server_calls) OVER (PARTITION BY time, environment, namespace, service), 1) AS share
FROM (
    SELECT
        toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
        environment, namespace, service, version,
        sum(server_calls) AS server_calls, sum(failed) AS failed, uniqExactIf(instance, instance != '(logs)') AS instances
    FROM cells AS s
        WHERE ({environment:String} = '' OR environment = {environment:String})
        AND ({service:String} = '' OR service = {service:String} OR (namespace != '' AND concat(namespace, '/', service) = {service:String}))
    GROUP BY time, environment, namespace, service, version
)
ORDER BY time, environment, namespace, service, version
