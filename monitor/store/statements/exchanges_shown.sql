-- How many live exchanges showed any of some examples of one contract, by caller: one that showed several counts once.
SELECT i.caller AS caller,
       uniqCombined64MergeIf(14)(i.exchanges, i.shown = 'kept') AS kept,
       uniqCombined64MergeIf(14)(i.exchanges, i.shown = 'broken') AS broken,
       uniqCombined64MergeIf(14)(i.exchanges, i.shown = 'open') AS open
FROM interactions AS i
WHERE i.contract = {contract:String} AND i.hour >= toStartOfHour(toDateTime({since:UInt32})) AND i.hour < toDateTime({until:UInt32})
  AND i.interaction IN {interactions:Array(String)} AND i.shown IN ('kept', 'broken', 'open')
  AND ({environment:String} = '' OR i.environment = {environment:String})
GROUP BY caller
ORDER BY caller
