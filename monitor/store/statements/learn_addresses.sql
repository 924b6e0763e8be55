-- Addresses under which paired calls reached a service; one trace in `every` is looked at.
INSERT INTO addresses (environment, address, namespace, service, version_hint, seen)
SELECT DISTINCT c.environment, c.address, s.namespace, s.service, '', now()
FROM (
    SELECT trace, call_span, environment, address FROM halves
    WHERE window IN {due:Array(UInt32)}
      AND side = 1 AND kind = 3 AND address != '' AND cityHash64(trace) % {every:UInt32} = 0
) AS c
INNER JOIN (
    SELECT trace, call_span, namespace, service FROM halves
    WHERE window IN {near:Array(UInt32)}
      AND side = 2 AND kind = 2 AND cityHash64(trace) % {every:UInt32} = 0
      -- a server that shares its client's id stands under another call's client, and one under it is not that client's
      AND (trace, call_span) NOT IN (
        SELECT trace, own_span FROM halves WHERE window IN {near:Array(UInt32)} AND kind = 2 AND cityHash64(trace) % {every:UInt32} = 0)
      AND (trace, own_span) NOT IN (
        SELECT trace, call_span FROM halves WHERE window IN {near:Array(UInt32)} AND side = 1 AND cityHash64(trace) % {every:UInt32} = 0)
) AS s ON c.trace = s.trace AND c.call_span = s.call_span
