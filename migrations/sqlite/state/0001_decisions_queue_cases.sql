-- Truth: every acknowledged write is on disk. Times in *_us are microseconds since 1970, for comparison; times that are
-- given back are kept as RFC 3339 text.

-- The ledger. `leaf` is the canonical entry; a decision is read from its leaf, so that no second copy can differ.
CREATE TABLE log_leaves (
    position INTEGER NOT NULL PRIMARY KEY,
    leaf     BLOB    NOT NULL
);

-- One row: the right edge of the Merkle tree over the leaves.
CREATE TABLE log_frontier (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    frontier TEXT    NOT NULL
);

CREATE TABLE decisions (
    id       TEXT    NOT NULL PRIMARY KEY,
    purl     TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    position INTEGER NOT NULL UNIQUE REFERENCES log_leaves (position)
);
CREATE INDEX decisions_by_purl ON decisions (purl, position);
CREATE INDEX decisions_by_action ON decisions (action, position);

-- state: 0 waits, 1 runs, 2 is dead.
CREATE TABLE jobs (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind           TEXT    NOT NULL,
    payload        TEXT    NOT NULL,
    dedup_key      TEXT,
    state          INTEGER NOT NULL DEFAULT 0,
    due_us         INTEGER NOT NULL,
    attempts       INTEGER NOT NULL DEFAULT 0,
    error          TEXT    NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX jobs_once ON jobs (kind, dedup_key) WHERE dedup_key IS NOT NULL AND state < 2;
CREATE INDEX jobs_due ON jobs (state, due_us, id);

CREATE TABLE cases (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    campaign_key TEXT    NOT NULL,
    opened_at    TEXT    NOT NULL,
    closed_at    TEXT
);
CREATE UNIQUE INDEX cases_open ON cases (campaign_key) WHERE closed_at IS NULL;

CREATE TABLE case_releases (
    seq     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    case_id TEXT    NOT NULL REFERENCES cases (id),
    purl    TEXT    NOT NULL,
    UNIQUE (case_id, purl)
);

CREATE TABLE publishers (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    package      TEXT    NOT NULL,
    purl         TEXT    NOT NULL,
    line         TEXT    NOT NULL,
    identity     TEXT    NOT NULL,
    details      TEXT    NOT NULL,
    published_at TEXT,
    published_us INTEGER,
    UNIQUE (purl, identity)
);
CREATE INDEX publishers_by_package ON publishers (package, published_us, seq);

PRAGMA user_version = 1;
