-- Bearer tokens of HTTP clients: bkserver/store/README.md. The secret itself is nowhere.

CREATE TABLE IF NOT EXISTS token (
    id         VARBINARY(16)    NOT NULL,
    secret     BINARY(32)       NOT NULL,
    name       VARBINARY(255)   NOT NULL,
    process    VARBINARY(255)   NOT NULL,
    sources    BIGINT UNSIGNED  NOT NULL,
    may_read   TINYINT UNSIGNED NOT NULL,
    issued_by  VARBINARY(1024)  NOT NULL,
    issued_us  BIGINT           NOT NULL,
    expires_us BIGINT           NOT NULL,
    revoked_us BIGINT           NOT NULL,
    note       VARBINARY(255)   NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
