-- The newest sequence, up to one, under which anything before a moment was published.
SELECT max(windows.seq) AS newest FROM windows WHERE windows.window < toDateTime({before:UInt32}) AND windows.seq <= {seq:UInt64}
