-- A cache: losing it costs time, not truth. `value` is zstd-compressed JSON; `checksum` is the first 16 bytes of the
-- SHA-256 of `value`, so that a damaged page is a miss and not a wrong answer.
CREATE TABLE artifact_facts (
    sha256   TEXT NOT NULL,
    analyser TEXT NOT NULL,
    checksum BLOB NOT NULL,
    value    BLOB NOT NULL,
    PRIMARY KEY (sha256, analyser)
);

CREATE TABLE release_records (
    purl       TEXT NOT NULL PRIMARY KEY,
    fetched_at TEXT NOT NULL,
    checksum   BLOB NOT NULL,
    value      BLOB NOT NULL
);

CREATE TABLE artifact_names (
    name   TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;

PRAGMA user_version = 1;
