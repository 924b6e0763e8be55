-- Hours that are published as hours, among those given.
SELECT DISTINCT toUnixTimestamp(window) AS hour FROM windows WHERE level = 1 AND window IN {hours:Array(UInt32)}
