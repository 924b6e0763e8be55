-- Which services and versions are alive? Failing ones first, and how many there are in all.
{% include "parts/seen.sql" %}
SELECT
    environment, namespace, service, version,
    uniqExactIf(instance, instance != '(logs)') AS instances, sum(spans) AS spans, sum(server_calls) AS server_calls, sum(failed) AS failed,
    min(window) AS first_window, max(window + step - 10) AS last_window,
    count() OVER () AS in_all
FROM cells AS s
WHERE ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} = '' OR service = {service:String} OR (namespace != '' AND concat(namespace, '/', service) = {service:String}))
GROUP BY environment, namespace, service, version
ORDER BY server_calls > 0 AND failed >= 0.05 * server_calls DESC, environment, namespace, service, last_window DESC, version
LIMIT {limit:UInt32} OFFSET {offset:UInt32}