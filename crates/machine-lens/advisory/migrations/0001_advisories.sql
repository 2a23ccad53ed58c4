-- Advisory feeds. One row of `source` for each feed; its records and package entries carry its generation, so that a
-- new state is written beside the old one and takes its place when the row changes.
PRAGMA user_version = 1;

CREATE TABLE source (
    name          TEXT    PRIMARY KEY,
    generation    INTEGER NOT NULL UNIQUE,
    ecosystems    INTEGER NOT NULL,          -- bit set: 1 npm, 2 PyPI, 4 Maven, 8 cargo, 16 Go
    digest        TEXT    NOT NULL,
    as_of         INTEGER,                   -- seconds since 1970
    imported_at   INTEGER NOT NULL,
    records       INTEGER NOT NULL,
    first_record  INTEGER NOT NULL,          -- record.number of the first; the others follow
    id_hashes     BLOB    NOT NULL           -- eight bytes for each record id, sorted
) STRICT;

CREATE TABLE record (
    number    INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL,
    withdrawn INTEGER NOT NULL,
    detail    TEXT    NOT NULL               -- JSON, read for matches only
) STRICT;

-- All that the records of one feed say about one package; see codec.rs for the form of `entries`.
CREATE TABLE package (
    generation INTEGER NOT NULL,
    ecosystem  INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    part       INTEGER NOT NULL,
    entries    BLOB    NOT NULL,
    PRIMARY KEY (generation, ecosystem, name, part)
) STRICT, WITHOUT ROWID;
