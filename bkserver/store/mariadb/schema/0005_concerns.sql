-- What is wrong with a process by now, kept by timers beside its status: bkserver/store/README.md.

CREATE TABLE IF NOT EXISTS concern (
    process  INT UNSIGNED      NOT NULL,
    names    INT UNSIGNED      NOT NULL,
    since_us BIGINT            NOT NULL,
    PRIMARY KEY (process),
    KEY names (names)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

ALTER TABLE logger
    ADD COLUMN IF NOT EXISTS is_silent TINYINT UNSIGNED NOT NULL DEFAULT 0;

ALTER TABLE `change`
    ADD COLUMN IF NOT EXISTS old_concerns INT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS new_concerns INT UNSIGNED NOT NULL DEFAULT 0;
