-- A number that stands for a span among those of some windows; a consumer's links are told apart
reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0)
