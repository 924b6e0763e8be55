    -- traces that halves of the windows `due` tell of, of one part
    SELECT arrayJoin([trace, own_trace]) FROM halves
    WHERE window IN {due:Array(UInt32)}
{% if parts %}
      AND trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
    UNION ALL
    SELECT arrayJoin([trace, own_trace]) FROM halves
    WHERE window IN {due:Array(UInt32)} AND kind = 5 AND own_trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
{% endif %}
