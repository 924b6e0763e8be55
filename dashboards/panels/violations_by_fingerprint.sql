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
        fingerprint, environment, its_caller_namespace AS caller_namespace, caller, its_callee_namespace AS callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual, caller_version, callee_version,
        max(revision_of_some) AS newest_revision_of_pair, sum(some_exchanges) AS exchanges_of_pair, min(some_first) AS first_at, max(some_last) AS last_at,
        arrayDistinct(arrayFlatten(groupArray(some_statuses))) AS statuses_of_pair,
        argMaxIf(trace_of_newest, some_last, trace_of_newest != '') AS newest_trace
    FROM (
        -- who was logged before its spans told a namespace is the one of that name, where only one has it
        SELECT *,
            if(uniqExactIf(caller_namespace, caller_namespace != '') OVER callers = 1, max(caller_namespace) OVER callers, caller_namespace) AS its_caller_namespace,
            if(uniqExactIf(callee_namespace, callee_namespace != '') OVER callees = 1, max(callee_namespace) OVER callees, callee_namespace) AS its_callee_namespace
        FROM (
            SELECT
                fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual, caller_version, callee_version,
                max(revision) AS revision_of_some, count() AS some_exchanges, min(at) AS some_first, max(at) AS some_last,
                groupUniqArray(20)(status) AS some_statuses,
                argMaxIf(lower(hex(trace)), at, has_trace = 1) AS trace_of_newest
            FROM violations FINAL
            WHERE window >= {since:DateTime} AND window < {until:DateTime}
                AND ({environment:String} = '' OR environment = {environment:String})
                AND ({caller:String} IN ('', caller) OR endsWith({caller:String}, concat('/', caller)))
                AND ({callee:String} IN ('', callee) OR endsWith({callee:String}, concat('/', callee)))
            GROUP BY fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual, caller_version, callee_version
        )
        WINDOW callers AS (PARTITION BY environment, caller), callees AS (PARTITION BY environment, callee)
    )
    -- asked here: left out above, the other namespaces of a name would not be known
    WHERE ({caller:String} IN ('', caller, concat(its_caller_namespace, '/', caller)) OR (its_caller_namespace = '' AND endsWith({caller:String}, concat('/', caller))))
        AND ({callee:String} IN ('', callee, concat(its_callee_namespace, '/', callee)) OR (its_callee_namespace = '' AND endsWith({callee:String}, concat('/', callee))))
        AND ({operation:String} = '' OR operation = {operation:String})
        AND ({contract:String} = '' OR contract = {contract:String})
    GROUP BY fingerprint, environment, its_caller_namespace, caller, its_callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual, caller_version, callee_version
)
GROUP BY fingerprint, environment, caller_namespace, caller, callee_namespace, callee, contract, operation, side, rule, pointer, clause, expected, actual
ORDER BY last_seen DESC, exchanges DESC, fingerprint
LIMIT {limit:UInt32} OFFSET {offset:UInt32}