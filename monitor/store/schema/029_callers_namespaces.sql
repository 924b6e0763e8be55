-- Whose payloads they were, where two callers share a name. Empty: nothing told it. A key grows at its end only, so it stands last there.
ALTER TABLE shapes ADD COLUMN IF NOT EXISTS caller_namespace LowCardinality(String) AFTER caller,
    MODIFY ORDER BY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol,
                     stands_for, shape, caller_namespace);
ALTER TABLE shapes_seen ADD COLUMN IF NOT EXISTS caller_namespace String AFTER caller;
ALTER TABLE shapes_counted MODIFY QUERY
SELECT toStartOfHour(toDateTime(s.at)) AS hour, s.callee AS callee, s.callee_namespace AS callee_namespace, s.environment AS environment,
       s.protocol AS protocol, s.operation AS operation, s.status AS status, s.side AS side, s.media AS media, s.caller AS caller,
       s.caller_namespace AS caller_namespace, s.caller_version AS caller_version, s.callee_version AS callee_version,
       s.stands_for AS stands_for, s.shape AS shape,
       uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.`index`)) AS exchanges,
       min(toDateTime(s.at)) AS first, max(toDateTime(s.at)) AS last, now() AS ingested
FROM shapes_seen AS s
GROUP BY hour, callee, callee_namespace, environment, protocol, operation, status, side, media, caller, caller_namespace, caller_version,
         callee_version, stands_for, shape;
ALTER TABLE shape_marks ADD COLUMN IF NOT EXISTS caller_namespace LowCardinality(String) AFTER caller,
    MODIFY ORDER BY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol,
                     caller_namespace)
