-- Rows of sightings of some windows, each by the generation beside it.
SELECT toUInt32(s.window) AS window, environment, namespace, service, version, instance, spans, server_calls, failed
FROM sightings AS s
WHERE s.window IN {due:Array(UInt32)}
  AND (toUInt32(s.window), generation) IN (SELECT arrayJoin(arrayZip({due:Array(UInt32)}, {generations:Array(UInt64)})))
