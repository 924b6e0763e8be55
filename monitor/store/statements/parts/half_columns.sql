    -- of halves `h` all that counting reads
    toUInt32(h.window) AS window, trace, call_span, side, own_span, kind, primary, own_trace, parent, step, environment, cluster, region,
    namespace, service, version, instance, protocol, operation, peer, peer_namespace, address, outcome, error_type, failed, start_ns, end_ns,
    weight, sampling, content_hash, toUInt32(h.ingested) AS ingested,
{% if parts %}
    toUInt8(trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)) AS mine,
    toUInt8(own_trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)) AS own_mine
{% else %}
    toUInt8(1) AS mine, toUInt8(1) AS own_mine
{% endif %}
