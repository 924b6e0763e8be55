-- One hour of sightings summed into sighting_hours: what is published, but `fresh` windows from the new generation.
INSERT INTO sighting_hours (window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
WITH published AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number
    FROM windows
    WHERE level = 0 AND windows.window >= toDateTime({hour:UInt32}) AND windows.window < toDateTime({hour:UInt32} + 3600)
      AND windows.window NOT IN {fresh:Array(UInt32)}
    GROUP BY at
)
SELECT toDateTime({hour:UInt32}), {generation:UInt64}, environment, namespace, service, version, instance, sum(spans), sum(server_calls), sum(failed)
FROM sightings
WHERE window >= toDateTime({hour:UInt32}) AND window < toDateTime({hour:UInt32} + 3600)
  AND ((window, generation) IN (SELECT at, number FROM published)
       OR (window IN {fresh:Array(UInt32)} AND generation = {generation:UInt64}))
GROUP BY environment, namespace, service, version, instance
