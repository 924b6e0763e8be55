-- What instances of a service say of their builds, by version and instance.
SELECT version, instance, attribute, value FROM builds FINAL
WHERE ({service:String} IN (service, concat(namespace, '/', service)))
  AND ({environment:String} = '' OR environment = {environment:String})
ORDER BY version, instance, attribute, namespace, environment
LIMIT 200000
