-- What changed when?
SELECT started AS time, environment, service, version, previous_version, kind, state
FROM deploys FINAL
WHERE started >= {since:DateTime} AND started < {until:DateTime}
    AND ({environment:String} = '' OR environment = {environment:String})
ORDER BY time, environment, service, version
LIMIT {limit:UInt32}
