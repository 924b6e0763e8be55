"""Anybody's data judged: bins of edges and a list of deploys, as files; what they lack is assumed,
said, and never good for a pass.

Edges, Parquet, one row a bin of one edge as one side tells it. Any column may be null, or missing
but for `ts` and `callee`:

* `case`: rows of one case are judged together; `ts`: start of the bin (a timestamp, ISO 8601, or
  seconds since 1970); `step_s`: its length
* `environment`, `caller` (`<any>`: a metric of the callee's node, whoever calls), `callee`,
  `operation`
* `side`: `client` or `server`, who tells; `version` and `instance` are the teller's. Where a
  deploy tells that only the other end has such a
  version, it is the other end's; a row without a side is the callee's
* `zone`: where the call was answered; on edges that clients tell of too, it is left out
* `count`, and `errors` or `success_rate` (0 to 1); without `count`, rates that are fractions of
  few calls (0.888889 is 8 of 9) tell how many there
  were, and p90 and higher of fewer than 20 calls are no level
* latencies without a count are numbers of which nobody knows how many calls they stand for, in
  whatever unit: each is held against all that it
  did in the week before the deploy (from `data_from` on; the more of it is told, the smaller a
  rise is found), and never passes
* `histogram`: "bin:count bin:count …" of microseconds, bin i = (2^(i/8), 2^((i+1)/8)]; else any of
  `p50_ms`, `p90_ms`, `p95_ms`, `p99_ms`, `mean_ms`

Deploys, a JSON object a line: `deploy_id`, `service`, `at`; and where known `case`,
`version_from`, `version_to`, `evaluate_until`, `data_from`, `canary_ready` (a time, or whether it
is), `full_rollout_from` (before these a version that answers nothing is not there yet, and not
silent), `history_case` (the same service on an earlier day), `environment`, `kind`.
"""
