-- Addresses that belong to exactly one service of an environment.
SELECT address, any(a.service) AS service, any(a.namespace) AS namespace
FROM addresses AS a FINAL
WHERE environment = {environment:String}
GROUP BY address
HAVING uniqExact(a.namespace, a.service) = 1
ORDER BY address
