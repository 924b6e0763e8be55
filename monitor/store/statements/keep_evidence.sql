-- Exemplar calls of the windows `due` with the skeleton of their trace. A reservoir: of each edge, version pair, outcome and
-- hour the three smallest hashes stay; a call that would not be among them is not written.
INSERT INTO evidence
(hour, environment, caller, callee, operation, caller_version, callee_version, outcome, rank, trace, error_type, duration_ns, skeleton)
WITH
-- include once
    candidates AS (
        SELECT DISTINCT
            toStartOfHour(window) AS hour, environment, caller, callee, operation, caller_version, callee_version,
            arrayJoin(arrayConcat(arrayMap(x -> (x, 'bad'), failed_exemplars), arrayMap(x -> (x, 'any'), exemplars))) AS pair,
            pair.1 AS trace, pair.2 AS outcome, cityHash64(pair.1) AS rank
        FROM edge_windows
        WHERE window IN {due:Array(UInt32)} AND generation = {generation:UInt64}
        ORDER BY rank
        LIMIT 3 BY hour, environment, caller, callee, operation, caller_version, callee_version, outcome
    ),
    full_reservoirs AS (
        SELECT hour, environment, caller, callee, operation, caller_version, callee_version, outcome,
               arraySort(groupUniqArray(rank))[3] AS largest
        FROM evidence
        WHERE hour IN {hours:Array(UInt32)}
        GROUP BY hour, environment, caller, callee, operation, caller_version, callee_version, outcome
        HAVING uniqExact(rank) >= 3
    ),
    chosen AS (
        SELECT c.* FROM candidates AS c
        LEFT JOIN full_reservoirs AS f USING (hour, environment, caller, callee, operation, caller_version, callee_version, outcome)
        WHERE f.largest = 0 OR c.rank < f.largest
    )
SELECT
    e.hour, e.environment, e.caller, e.callee, e.operation, e.caller_version, e.callee_version, e.outcome, e.rank, e.trace,
    anyIf(t.error_type, t.error_type != ''),
    toUInt64(max(t.end_ns) - min(t.start_ns)),
    toJSONString(CAST(
        arraySlice(arraySort(groupArray((intDiv(t.start_ns, 1000), intDiv(t.end_ns - t.start_ns, 1000), t.service, t.version,
                                         t.operation, t.side, t.outcome, t.error_type))), 1, 64),
        'Array(Tuple(start_us UInt64, duration_us UInt64, service String, version String, operation String, side UInt8, outcome String, error_type String))'))
FROM chosen AS e
INNER JOIN (
    SELECT * FROM once
    WHERE window IN {near:Array(UInt32)}
      AND own_trace IN (SELECT trace FROM chosen)
) AS t ON e.trace = t.own_trace
GROUP BY e.hour, e.environment, e.caller, e.callee, e.operation, e.caller_version, e.callee_version, e.outcome, e.rank, e.trace
