-- What queries select and sort by: the time that counts for the order of events (the last 8 bytes of
-- the order prefix, sign bit inverted), and the time when a process entered its state.

ALTER TABLE event
    ADD COLUMN IF NOT EXISTS time_us BIGINT NOT NULL DEFAULT 0,
    ADD KEY IF NOT EXISTS time_us (time_us);

UPDATE event SET time_us = CAST(CAST(CONV(HEX(RIGHT(order_prefix, 8)), 16, 10) AS UNSIGNED) ^ 0x8000000000000000 AS SIGNED)
    WHERE time_us = 0;

ALTER TABLE process ADD KEY IF NOT EXISTS entered (entered_us);
