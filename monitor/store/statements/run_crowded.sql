-- Servers under one client, each counted once: spans sent twice look like them before they are settled.
WITH
-- include once
    servers AS (SELECT call_span FROM once WHERE side = 2 AND kind = 2)
SELECT count() - uniqExact(reinterpretAsUInt64(call_span)) AS crowded FROM servers
