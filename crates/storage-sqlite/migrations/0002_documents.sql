-- Documents that the proceedings name by their hash: versions of the release. None is ever changed.
CREATE TABLE document (
    event TEXT NOT NULL REFERENCES event (id),
    hash  BLOB NOT NULL, -- SHA-256 of the bytes, 32 bytes
    bytes BLOB NOT NULL,
    PRIMARY KEY (event, hash)
) STRICT;
