-- Marks of what stood in payloads of one provider, by kind of exchange and by whom.
SELECT s.environment AS environment, s.protocol AS protocol, s.operation AS operation, s.status AS status, s.side AS side, s.media AS media,
       s.caller AS caller, s.caller_namespace AS caller_namespace, s.caller_version AS caller_version, s.callee_version AS callee_version, sumMap(s.marks) AS marks
FROM shape_marks AS s
{% include "parts/shapes_of_provider.sql" %}
GROUP BY environment, protocol, operation, status, side, media, caller, caller_namespace, caller_version, callee_version
ORDER BY operation, status, side, media, caller, caller_version, callee_version, caller_namespace, environment, protocol
LIMIT 50000
