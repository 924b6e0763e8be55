-- Rows of an edge whose ends are named, plainly or as namespace/name, or not at all. A name's ends are asked for by
-- themselves, so that the primary key passes over rows of other services.
    AND ({caller:String} = '' OR (caller IN arrayMap(part -> arrayStringConcat(arraySlice(splitByChar('/', {caller:String}), part), '/'), range(1, length(splitByChar('/', {caller:String})) + 1))
        AND (caller = {caller:String} OR (caller_namespace != '' AND concat(caller_namespace, '/', caller) = {caller:String}))))
    AND ({callee:String} = '' OR (callee IN arrayMap(part -> arrayStringConcat(arraySlice(splitByChar('/', {callee:String}), part), '/'), range(1, length(splitByChar('/', {callee:String})) + 1))
        AND (callee = {callee:String} OR (callee_namespace != '' AND concat(callee_namespace, '/', callee) = {callee:String}))))
