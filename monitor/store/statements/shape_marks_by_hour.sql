-- Marks of what stood in payloads of one provider, by kind of exchange, caller, provider's version and hour.
SELECT s.hour AS hour, s.protocol AS protocol, s.operation AS operation, s.status AS status, s.side AS side, s.caller AS caller, s.caller_namespace AS caller_namespace,
       if(s.protocol = 'messaging', s.caller_version, s.callee_version) AS version, sumMap(s.marks) AS marks
FROM shape_marks AS s
{% include "parts/shapes_of_provider.sql" %}
GROUP BY hour, protocol, operation, status, side, caller, caller_namespace, version
ORDER BY hour, operation, status, side, caller, version, caller_namespace, protocol
LIMIT 100000
