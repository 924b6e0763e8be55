-- Exemplar calls of windows first..last with the skeleton of their trace; the smallest hashes of an hour are kept.
INSERT INTO evidence
(hour, environment, caller, callee, operation, caller_version, callee_version, outcome, rank, trace, error_type, duration_ns, skeleton)
SELECT
    toStartOfHour(e.window), e.environment, e.caller, e.callee, e.operation, e.caller_version, e.callee_version, e.outcome,
    cityHash64(e.trace), e.trace, any(t.error_type),
    toUInt64(max(t.end_ns) - min(t.start_ns)),
    toJSONString(arraySlice(arraySort(groupArray((
        toUInt64(intDiv(t.start_ns, 1000)) AS start_us, toUInt64(intDiv(t.end_ns - t.start_ns, 1000)) AS duration_us,
        toString(t.service) AS service, toString(t.version) AS version, toString(t.operation) AS operation, t.side AS side,
        toString(t.outcome) AS outcome, toString(t.error_type) AS error_type))), 1, 64))
FROM (
    SELECT window, environment, caller, callee, operation, caller_version, callee_version,
           arrayJoin(arrayConcat(arrayMap(x -> (x, 'bad'), failed_exemplars), arrayMap(x -> (x, 'any'), arraySlice(exemplars, 1, 1)))) AS pair,
           pair.1 AS trace, pair.2 AS outcome
    FROM edge_windows
    WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32}) AND generation = {generation:UInt64}
    LIMIT 3 BY toStartOfHour(window), environment, caller, callee, operation, caller_version, callee_version, pair.2
) AS e
INNER JOIN (
    SELECT * FROM halves FINAL
    WHERE window BETWEEN toDateTime({first:UInt32}) - 10 AND toDateTime({last:UInt32}) + 10
) AS t ON e.trace = t.own_trace
GROUP BY e.window, e.environment, e.caller, e.callee, e.operation, e.caller_version, e.callee_version, e.outcome, e.trace
