-- Which service calls which, how much of it fails, and how much breaks its contract?
-- include published
SELECT
    environment, caller, callee, protocol,
    sum(calls) AS calls, sum(failed) AS failed, sum(timeout) AS timeouts,
    sum(valid) AS valid, sum(violated) AS violated,
    sum(arraySum(mapValues(not_checked))) AS not_checked,
    sum(both) AS both, sum(client_only) AS client_only, sum(server_only) AS server_only, sum(log_only) AS log_only,
    max(sampling) AS sampling,
    uniqExact(operation) AS operations,
    min(window) AS first_window, max(window) AS last_window
FROM edge_windows
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
    AND ({environment:String} = '' OR environment = {environment:String})
GROUP BY environment, caller, callee, protocol
ORDER BY calls DESC, environment, caller, callee, protocol
LIMIT {limit:UInt32}
