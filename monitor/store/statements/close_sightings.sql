-- Versions and instances seen alive in windows first..last, under one generation.
INSERT INTO sightings (window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
SELECT window, {generation:UInt64}, environment, namespace, service, version, instance,
       countIf(primary = 1), countIf(primary = 1 AND side = 2), countIf(primary = 1 AND side = 2 AND failed = 1)
FROM halves FINAL
WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32})
GROUP BY window, environment, namespace, service, version, instance
