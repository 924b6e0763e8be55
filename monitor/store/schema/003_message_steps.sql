-- What a messaging span does with its messages, so that one that receives and one that processes are not two deliveries.
-- 0 sends, processes or does not tell; 1 receives; 2 delivers nothing (settles, polls without a destination); 3 receives what it is linked to.
-- Side 3 is the parent of a consumer that has links: a message only where a producer is known under it.
ALTER TABLE halves ADD COLUMN IF NOT EXISTS step UInt8 DEFAULT 0 AFTER parent;
ALTER TABLE message_ends ADD COLUMN IF NOT EXISTS step UInt8 DEFAULT 0 AFTER sampling
