-- When an entry was last used, in hours since 1970, so that what was used longest ago goes first. The hour stands before
-- the value: noting a use does not touch the pages of a long value. Names go with the facts that they lead to.
CREATE TABLE facts_with_use (
    sha256   TEXT NOT NULL,
    analyser TEXT NOT NULL,
    used     INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    value    BLOB NOT NULL,
    PRIMARY KEY (sha256, analyser)
);
INSERT INTO facts_with_use SELECT sha256, analyser, unixepoch() / 3600, checksum, value FROM artifact_facts;
DROP TABLE artifact_facts;
ALTER TABLE facts_with_use RENAME TO artifact_facts;
CREATE INDEX artifact_facts_used ON artifact_facts (used);

CREATE TABLE records_with_use (
    purl       TEXT NOT NULL PRIMARY KEY,
    used       INTEGER NOT NULL,
    fetched_at TEXT NOT NULL,
    checksum   BLOB NOT NULL,
    value      BLOB NOT NULL
);
INSERT INTO records_with_use SELECT purl, unixepoch() / 3600, fetched_at, checksum, value FROM release_records;
DROP TABLE release_records;
ALTER TABLE records_with_use RENAME TO release_records;
CREATE INDEX release_records_used ON release_records (used);

PRAGMA user_version = 2;
