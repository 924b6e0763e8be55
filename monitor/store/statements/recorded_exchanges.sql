-- Recorded exchanges of one provider, alike ones counted: who asked what, how it was answered, what checking said, and which clauses broke.
WITH broken AS (
    SELECT v.source_id AS source_id, v.partition AS partition, v.offset AS offset, v.`index` AS `index`,
           arraySort(groupUniqArray(concat(v.contract, '\x1f', v.side, '\x1f', v.rule, '\x1f', v.pointer))) AS clauses
    FROM violations AS v FINAL
    WHERE v.window >= toDateTime({since:UInt32}) AND v.window < toDateTime({until:UInt32})
    GROUP BY source_id, partition, offset, `index`
)
SELECT e.operation AS operation, e.status AS status, e.caller AS caller, e.checked AS checked, e.reason AS reason,
       e.contract AS contract, e.revision AS revision, b.clauses AS clauses, count() AS exchanges
FROM (
    SELECT * FROM exchanges FINAL
    WHERE window >= toDateTime({since:UInt32}) AND window < toDateTime({until:UInt32})
      AND callee IN {callees:Array(String)}
      AND ({namespace:String} = '' OR callee_namespace IN ('', {namespace:String}))
      AND ({environment:String} = '' OR environment = {environment:String})
      AND ({consumer:String} = '' OR caller = {consumer:String})
      AND ({version:String} = '' OR callee_version = {version:String})
) AS e
LEFT JOIN broken AS b ON e.source_id = b.source_id AND e.partition = b.partition AND e.offset = b.offset AND e.`index` = b.`index`
GROUP BY operation, status, caller, checked, reason, contract, revision, clauses
ORDER BY exchanges DESC, operation, status, caller, checked, reason, contract, revision, clauses
LIMIT 100000
