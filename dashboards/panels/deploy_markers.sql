-- What changed when?
SELECT started AS time, environment, namespace, service, version, previous_version, kind, state, count() OVER () AS in_all
FROM deploys FINAL
WHERE started >= {since:DateTime} AND started < {until:DateTime}
    AND ({environment:String} = '' OR environment = {environment:String})
ORDER BY time DESC, environment, namespace, service, version
LIMIT {limit:UInt32}