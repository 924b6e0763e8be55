-- The shape of what was sent, as one number; 0 where no body tells. Read to learn what bad calls have in common.
ALTER TABLE exchanges ADD COLUMN IF NOT EXISTS request_shape UInt64 DEFAULT 0 AFTER revision
