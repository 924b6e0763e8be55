-- How long do the calls of an edge take on each side, by version pair, over time? Seconds; null for a side that was not seen.
-- Quantiles of exponential histograms of scale 3, interpolated in log space within the bucket: within 9 % of the true value.
{% include "parts/cells_by_time.sql" %}
    ,
    (histogram, share) -> if(
        empty(histogram), NULL,
        if(
            (arrayFirst(
                step -> step.3 >= share * arraySum(mapValues(histogram)),
                arraySort(arrayMap(
                    (bucket, number) -> (bucket, number, arraySum(arrayMap((other, count) -> if(other <= bucket, count, 0), mapKeys(histogram), mapValues(histogram)))),
                    mapKeys(histogram), mapValues(histogram)
                ))
            ) AS hit).1 = -300,
            0,
            exp2((hit.1 + (share * arraySum(mapValues(histogram)) - (hit.3 - hit.2)) / hit.2) / 8)
        )
    ) AS quantile_of
SELECT
    time, caller_version, callee_version,
    quantile_of(client, 0.5) AS client_p50, quantile_of(client, 0.95) AS client_p95, quantile_of(client, 0.99) AS client_p99,
    quantile_of(server, 0.5) AS server_p50, quantile_of(server, 0.95) AS server_p95, quantile_of(server, 0.99) AS server_p99
FROM (
    SELECT
        toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
        caller_version, callee_version,
        sumMap(client_histogram) AS client, sumMap(server_histogram) AS server
    FROM cells AS e
    WHERE ({environment:String} = '' OR environment = {environment:String})
{% include "parts/of_edge.sql" %}
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
    GROUP BY time, caller_version, callee_version
)
ORDER BY time, caller_version, callee_version
