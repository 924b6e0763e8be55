-- Of which traces there are messaging spans.
SELECT DISTINCT trace FROM message_ends
