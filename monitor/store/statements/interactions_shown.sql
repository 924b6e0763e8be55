-- What live exchanges showed of the examples of one contract, by version pair: how often, kept or broken, and when last.
SELECT i.interaction AS interaction, i.environment AS environment, i.caller AS caller, i.caller_version AS caller_version,
       i.callee AS callee, i.callee_version AS callee_version,
       uniqCombined64MergeIf(14)(i.exchanges, i.shown = 'kept') AS kept,
       uniqCombined64MergeIf(14)(i.exchanges, i.shown = 'broken') AS broken,
       uniqCombined64MergeIf(14)(i.exchanges, i.shown = 'open') AS open,
       min(i.first) AS first_seen, max(i.last) AS last_seen, max(i.revision) AS newest_revision
FROM interactions AS i
WHERE i.contract = {contract:String} AND i.hour >= toStartOfHour(toDateTime({since:UInt32})) AND i.hour < toDateTime({until:UInt32})
  AND i.shown IN ('kept', 'broken', 'open') AND ({environment:String} = '' OR i.environment = {environment:String})
GROUP BY interaction, environment, caller, caller_version, callee, callee_version
ORDER BY interaction, last_seen DESC, environment, caller, caller_version, callee, callee_version
