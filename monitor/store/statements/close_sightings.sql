-- Versions and instances seen alive in windows first..last, under one generation.
INSERT INTO sightings (window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
WITH
-- include once
    toDateTime({first:UInt32}) AS first_window, toDateTime({last:UInt32}) AS last_window
SELECT window, {generation:UInt64}, environment, namespace, service, version, instance,
       countIf(primary = 1), countIf(primary = 1 AND side = 2), countIf(primary = 1 AND side = 2 AND failed = 1)
FROM once
WHERE window BETWEEN first_window AND last_window
GROUP BY window, environment, namespace, service, version, instance
