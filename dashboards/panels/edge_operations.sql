-- Which operations does an edge have, and how is each?
-- include published
SELECT
    environment, caller, callee, protocol, operation,
    sum(calls) AS calls, sum(failed) AS failed, sum(valid) AS valid, sum(violated) AS violated,
    uniqExact(caller_version, callee_version) AS version_pairs
FROM edge_windows
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({caller:String} = '' OR caller = {caller:String})
    AND ({callee:String} = '' OR callee = {callee:String})
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
GROUP BY environment, caller, callee, protocol, operation
ORDER BY calls DESC, environment, caller, callee, protocol, operation
LIMIT {limit:UInt32}
