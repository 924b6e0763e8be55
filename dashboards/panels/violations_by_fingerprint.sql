-- Which clauses do live exchanges break, between which versions, since when?
SELECT
    fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual,
    max(newest_revision_of_pair) AS newest_revision,
    sum(exchanges_of_pair) AS exchanges,
    min(first_at) AS first_seen, max(last_at) AS last_seen,
    arraySort(arrayDistinct(arrayFlatten(groupArray(statuses_of_pair)))) AS statuses,
    arraySort(groupArray((caller_version, callee_version, exchanges_of_pair))) AS by_version_pair,
    argMax(newest_trace, last_at) AS example_trace,
    count() OVER () AS in_all
FROM (
    SELECT
        fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual, caller_version, callee_version,
        max(revision) AS newest_revision_of_pair, count() AS exchanges_of_pair, min(at) AS first_at, max(at) AS last_at,
        groupUniqArray(20)(status) AS statuses_of_pair,
        argMaxIf(lower(hex(trace)), at, has_trace = 1) AS newest_trace
    FROM violations FINAL
    WHERE window >= {since:DateTime} AND window < {until:DateTime}
        AND ({environment:String} = '' OR environment = {environment:String})
        AND ({caller:String} IN ('', caller, concat(caller_namespace, '/', caller)) OR (caller_namespace = '' AND endsWith({caller:String}, concat('/', caller))))
        AND ({callee:String} IN ('', callee, concat(callee_namespace, '/', callee)) OR (callee_namespace = '' AND endsWith({callee:String}, concat('/', callee))))
        AND ({operation:String} = '' OR operation = {operation:String})
        AND ({contract:String} = '' OR contract = {contract:String})
    GROUP BY fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual, caller_version, callee_version
)
GROUP BY fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual
ORDER BY last_seen DESC, exchanges DESC, fingerprint
LIMIT {limit:UInt32} OFFSET {offset:UInt32}