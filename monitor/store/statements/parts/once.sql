    -- halves, each span once; where none was sent twice there is nothing to settle
-- if resent
    once AS (
        SELECT * FROM halves
        WHERE window IN {around:Array(UInt32)}
          AND reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0)
              NOT IN (SELECT number FROM settled WHERE generation = {generation:UInt64})
        UNION ALL
        SELECT * EXCEPT (generation, number) FROM settled WHERE generation = {generation:UInt64}
    ),
-- else
    once AS (SELECT * FROM halves WHERE window IN {around:Array(UInt32)}),
-- end
