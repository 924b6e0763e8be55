-- Of the spans that were sent more than once, in the windows `around`, the copies that count. Of the same span in one window it is the
-- one that a merge would keep. Sent again with another end or parent, the copy in the later of two neighbouring windows counts.
-- A number stands for each span first: few are sent twice, and only of these all columns are read. The copies of a span lie in an
-- array, by window and by what a merge goes by: one counts unless the next is of the same window, or of the one after it.
INSERT INTO settled
SELECT {generation:UInt64}, number, untuple(copy.3) FROM (
    SELECT
        number,
        arraySort(one -> (one.1, one.2), groupArray((toUnixTimestamp(window), content_hash, tuple(* EXCEPT number)))) AS copies,
        arrayMap(one -> one.1, copies) AS ats,
        arrayPushBack(arrayPopFront(ats), 0) AS nexts,
        arrayJoin(arrayFilter((one, at, next) -> next NOT IN (at, at + 10), copies, ats, nexts)) AS copy
    FROM (
        SELECT
{% include "parts/span_number.sql" %}
            AS number, *
        FROM halves
        WHERE window IN {around:Array(UInt32)} AND number IN (
            SELECT
{% include "parts/span_number.sql" %}
                AS span
            FROM halves WHERE window IN {around:Array(UInt32)} GROUP BY span HAVING count() > 1)
    )
    GROUP BY number, trace, own_span, side, if(kind = 5, call_span, own_span)
)
