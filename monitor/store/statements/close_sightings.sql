-- Versions and instances seen alive in the windows `due`, under one generation.
INSERT INTO sightings (window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
SELECT window, {generation:UInt64}, environment, namespace, service, version, instance,
       countIf(primary = 1), countIf(primary = 1 AND side = 2), countIf(primary = 1 AND side = 2 AND failed = 1)
FROM halves
-- if resent
FINAL
-- end
WHERE window IN {due:Array(UInt32)}
GROUP BY window, environment, namespace, service, version, instance
