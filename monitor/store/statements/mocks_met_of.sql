-- What live exchanges showed of the stubs of one revision of a mock: calls with their times, skeletons of bodies, and what matchers refuse.
WITH seen AS (
    SELECT m.interaction AS interaction, m.met AS met, m.shown AS shown, m.word AS word, m.caller AS caller,
           m.callee_version AS callee_version, m.operation AS operation, m.status AS status, m.bucket AS bucket,
           m.stands_for AS stands_for, m.shape AS shape, m.detail AS detail,
           uniqCombined64Merge(14)(m.exchanges) AS exchanges, min(m.first) AS first_seen, max(m.last) AS last_seen
    FROM mock_hours AS m
    WHERE m.contract = {contract:String} AND m.revision = {revision:UInt32}
      AND m.hour >= toStartOfHour(toDateTime({since:UInt32})) AND m.hour < toDateTime({until:UInt32})
      AND ({environment:String} = '' OR m.environment = {environment:String})
    GROUP BY interaction, met, shown, word, caller, callee_version, operation, status, bucket, stands_for, shape, detail
)
SELECT s.interaction AS interaction, s.met AS met, s.shown AS shown, s.word AS word, s.caller AS caller,
       s.callee_version AS callee_version, s.operation AS operation, s.status AS status, s.bucket AS bucket,
       s.stands_for AS stands_for, s.shape AS shape, s.detail AS detail, t.text AS text, s.exchanges AS exchanges,
       s.first_seen AS first_seen, s.last_seen AS last_seen
FROM seen AS s
LEFT JOIN (
    SELECT shape, any(text) AS text FROM shape_texts WHERE shape IN (SELECT shape FROM seen) GROUP BY shape
) AS t ON s.shape = t.shape
ORDER BY interaction, met, word, operation, status, callee_version, caller, bucket, shape, detail
LIMIT 200000
