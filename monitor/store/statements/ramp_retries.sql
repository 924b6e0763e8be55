-- Calls of a service that failed on one version and that were made again, of another version: by the caller, under the same span of
-- its own, or by a proxy between them, for one call of the caller's.
WITH
    asked AS (
        SELECT s.trace AS in_trace, s.call_span AS of_call, s.own_span, argMax(s.version, s.end_ns) AS to_version, argMax(s.operation, s.end_ns) AS its_operation,
               min(s.start_ns) AS began, max(s.failed = 1 OR s.outcome NOT IN ('ok', '')) AS server_failed
        FROM halves AS s FINAL
        WHERE s.window >= toDateTime({since:UInt32}) AND s.window + 10 <= toDateTime({until:UInt32}) AND s.side = 2 AND s.service = {service:String}
          AND s.environment = {environment:String} AND ({namespace:String} = '*' OR s.namespace = {namespace:String})
        GROUP BY in_trace, of_call, s.own_span
    ),
    calls AS (
        SELECT in_trace, of_call, argMax(its_operation, began) AS last_operation,
               arraySort(attempt -> attempt.1, groupArray((began, to_version, server_failed))) AS answers
        FROM asked
        GROUP BY in_trace, of_call
    ),
    attempts AS (
        SELECT c.trace AS in_trace, c.parent AS of_parent, c.service AS caller, c.version AS caller_version, a.last_operation AS operation,
               arrayFlatten(arrayMap(it -> it.2, arraySort(it -> it.1, groupArray((c.start_ns, arrayMap(
                   (answer, place) -> (answer.2, answer.3 OR (place = length(a.answers) AND (c.failed = 1 OR c.outcome NOT IN ('ok', '')))),
                   a.answers, arrayEnumerate(a.answers)
               )))))) AS tries
        FROM halves AS c FINAL
        INNER JOIN calls AS a ON c.trace = a.in_trace AND c.call_span = a.of_call
        WHERE c.window >= toDateTime({since:UInt32} - 10) AND c.window < toDateTime({until:UInt32} + 10) AND c.side = 1 AND c.kind = 3
        GROUP BY in_trace, of_parent, if(c.has_parent = 1, toFixedString('', 8), c.call_span), caller, caller_version, operation
        HAVING length(tries) > 1
    )
SELECT caller, caller_version, operation, tries[pair].1 AS from_version, tries[pair + 1].1 AS to_version, count() AS retries,
       countIf(tries[pair + 1].2 = 0) AS recovered
FROM attempts ARRAY JOIN range(1, length(tries)) AS pair
WHERE tries[pair].2 = 1 AND tries[pair].1 != tries[pair + 1].1
GROUP BY caller, caller_version, operation, from_version, to_version
ORDER BY retries DESC, caller, caller_version, operation, from_version, to_version
LIMIT 1000
