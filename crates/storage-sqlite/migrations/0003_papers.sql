-- What is written anew as it changes and is no part of an event's record: press lists, mails.
CREATE TABLE paper (
    event TEXT NOT NULL REFERENCES event (id),
    name  TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (event, name)
) STRICT, WITHOUT ROWID;
