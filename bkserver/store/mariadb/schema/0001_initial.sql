-- Every statement may run twice: a migration that was interrupted is run again from its beginning.
-- What the tables and columns mean and why they are as they are: bkserver/store/README.md.

CREATE TABLE IF NOT EXISTS sequence (
    name     VARBINARY(32)    NOT NULL,
    next     BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

INSERT INTO sequence (name, next) VALUES ('subject', 1), ('arrival', 1)
    ON DUPLICATE KEY UPDATE next = next;

CREATE TABLE IF NOT EXISTS dictionary (
    number   INT UNSIGNED     NOT NULL AUTO_INCREMENT,
    kind     TINYINT UNSIGNED NOT NULL,
    content  VARBINARY(1024)  NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY content (kind, content)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS subject (
    number   INT UNSIGNED     NOT NULL,
    scope    INT UNSIGNED     NOT NULL,
    name     VARBINARY(255)   NOT NULL,
    process  INT UNSIGNED     NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY text (name, scope),
    KEY process (process)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS process (
    number           INT UNSIGNED      NOT NULL,
    merged_into      INT UNSIGNED      NOT NULL,
    revision         INT UNSIGNED      NOT NULL,
    type             SMALLINT UNSIGNED NOT NULL,
    flags            TINYINT UNSIGNED  NOT NULL,
    rules_version    SMALLINT UNSIGNED NOT NULL,
    waiting          INT UNSIGNED      NOT NULL,
    registrant       INT UNSIGNED      NOT NULL,
    state            INT UNSIGNED      NOT NULL,
    vm_state         INT UNSIGNED      NOT NULL,
    owner            INT UNSIGNED      NOT NULL,
    host             INT UNSIGNED      NOT NULL,
    entered_us       BIGINT            NOT NULL,
    updated_us       BIGINT            NOT NULL,
    registers_format TINYINT UNSIGNED  NOT NULL,
    registers        MEDIUMBLOB        NOT NULL,
    PRIMARY KEY (number),
    KEY state (state),
    KEY vm_state (vm_state),
    KEY owner (owner),
    KEY host (host)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS event (
    arrival      BIGINT UNSIGNED   NOT NULL,
    subject      INT UNSIGNED      NOT NULL,
    event_id     BINARY(16)        NOT NULL,
    order_prefix VARBINARY(64)     NOT NULL,
    type         SMALLINT UNSIGNED NOT NULL,
    verdict      TINYINT UNSIGNED  NOT NULL,
    forwarder    INT UNSIGNED      NOT NULL,
    stamp        INT UNSIGNED      NOT NULL,
    arrived_us   BIGINT            NOT NULL,
    body_format  TINYINT UNSIGNED  NOT NULL,
    body         MEDIUMBLOB        NOT NULL,
    PRIMARY KEY (arrival),
    UNIQUE KEY event_id (event_id),
    KEY subject (subject, order_prefix)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS stream (
    number   SMALLINT UNSIGNED NOT NULL,
    holder   VARBINARY(64)     NOT NULL,
    lane     SMALLINT UNSIGNED NOT NULL,
    next     BIGINT UNSIGNED   NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY holder (holder, lane)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS `change` (
    stream       SMALLINT UNSIGNED NOT NULL,
    number       BIGINT UNSIGNED   NOT NULL,
    process      INT UNSIGNED      NOT NULL,
    revision     INT UNSIGNED      NOT NULL,
    old_state    INT UNSIGNED      NOT NULL,
    new_state    INT UNSIGNED      NOT NULL,
    old_vm_state INT UNSIGNED      NOT NULL,
    new_vm_state INT UNSIGNED      NOT NULL,
    arrival      BIGINT UNSIGNED   NOT NULL,
    changed_us   BIGINT            NOT NULL,
    PRIMARY KEY (stream, number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS due (
    process  INT UNSIGNED      NOT NULL,
    kind     SMALLINT UNSIGNED NOT NULL,
    at_us    BIGINT            NOT NULL,
    PRIMARY KEY (process, kind),
    KEY at_us (at_us)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS heartbeat (
    process    INT UNSIGNED NOT NULL,
    reporter   INT UNSIGNED NOT NULL,
    time_us    BIGINT       NOT NULL,
    arrived_us BIGINT       NOT NULL,
    uptime_s   INT UNSIGNED NOT NULL,
    PRIMARY KEY (process, reporter)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS logger (
    host            INT UNSIGNED    NOT NULL,
    seen_us         BIGINT          NOT NULL,
    clock_offset_us BIGINT          NOT NULL,
    unsettled       BIGINT UNSIGNED NOT NULL,
    oldest_us       BIGINT          NOT NULL,
    PRIMARY KEY (host)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS dead_letter (
    number      BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    digest      BINARY(16)       NOT NULL,
    arrived_us  BIGINT           NOT NULL,
    times       INT UNSIGNED     NOT NULL,
    verdict     TINYINT UNSIGNED NOT NULL,
    reason      VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    forwarder   INT UNSIGNED     NOT NULL,
    replayed_us BIGINT           NOT NULL,
    envelope    MEDIUMBLOB       NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY digest (digest)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
