-- All messaging spans, of whatever window, of {% if few %}a few traces{% else %}the traces and messages that the windows `due` tell of, or one part of them{% endif %}.
SELECT
    trace, call_span, side, own_span, toUInt32(m.window) AS window, start_ns, end_ns, namespace, service, version, failed, weight, sampling, step,
    content_hash
FROM message_ends AS m
{% if few %}
WHERE trace IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
{% else %}
WHERE trace IN (
    SELECT arrayJoin([trace, own_trace]) FROM halves
    WHERE window IN {due:Array(UInt32)} AND (kind IN (4, 5) OR protocol = 'messaging')
{% if parts %}
      AND (trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16) OR own_trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16))
{% endif %}
    )
{% endif %}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
