-- One row for each event, with the end of its proceedings and what lists of events show.
CREATE TABLE event (
    id       TEXT    NOT NULL PRIMARY KEY,
    title    TEXT    NOT NULL, -- JSON: language tag to text
    start_ms INTEGER NOT NULL, -- milliseconds since 1970-01-01T00:00:00 UTC
    life     TEXT    NOT NULL, -- scheduled, green-room, live, suspended, closed
    sequence INTEGER NOT NULL, -- number of the last line
    hash     BLOB    NOT NULL  -- hash of the last line, 32 bytes
) STRICT, WITHOUT ROWID;

CREATE INDEX event_by_start ON event (start_ms DESC, id);

-- The proceedings. A line is kept as the JSON that was hashed, with its hashes, so that it can be
-- read and checked without this program.
CREATE TABLE line (
    event    TEXT    NOT NULL REFERENCES event (id),
    sequence INTEGER NOT NULL,
    json     TEXT    NOT NULL,
    PRIMARY KEY (event, sequence)
) STRICT, WITHOUT ROWID;

-- Personal links: hashes of tokens, never tokens.
CREATE TABLE link (
    token  BLOB NOT NULL PRIMARY KEY, -- SHA-256, 32 bytes
    event  TEXT NOT NULL REFERENCES event (id),
    person TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX link_by_person ON link (event, person);

-- How often the links of a person were revoked; no row means never.
CREATE TABLE link_generation (
    event      TEXT    NOT NULL REFERENCES event (id),
    person     TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (event, person)
) STRICT, WITHOUT ROWID;
