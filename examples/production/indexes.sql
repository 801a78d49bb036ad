CREATE INDEX records_day ON records (day);
CREATE INDEX records_lot ON records (lot);
-- All that the totals read is in it, so they need not go to the table.
CREATE INDEX records_item ON records (item, day, produced, rejected);
