-- Parents and children, members of clusters; who must be counted anew: bkserver/store/README.md.

CREATE TABLE IF NOT EXISTS relation (
    parent       INT UNSIGNED      NOT NULL,
    child        INT UNSIGNED      NOT NULL,
    registration BIGINT UNSIGNED   NOT NULL,
    since_us     BIGINT            NOT NULL,
    state        TINYINT UNSIGNED  NOT NULL,
    flags        TINYINT UNSIGNED  NOT NULL,
    steps        BLOB              NOT NULL,
    PRIMARY KEY (parent, child),
    KEY child (child)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS news (
    number   BIGINT UNSIGNED   NOT NULL AUTO_INCREMENT,
    parent   INT UNSIGNED      NOT NULL,
    level    SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
