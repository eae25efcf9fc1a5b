package sqlite

import (
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// migrations brings a store from version i to version i+1. A released entry
// is never edited; a change of the schema is a new entry at the end.
var migrations = []string{
	`
-- Configuration, each piece as a JSON document. It is small and is read whole
-- at start.
CREATE TABLE document (
	kind TEXT NOT NULL,
	key  TEXT NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- Names that many rows share, each written once. A number is never reused, so
-- that the log of a rule that is gone still says which rule it was.
CREATE TABLE bus (
	no     INTEGER PRIMARY KEY,
	region TEXT NOT NULL,
	name   TEXT NOT NULL,
	UNIQUE (region, name)
) STRICT;
CREATE TABLE route (
	no     INTEGER PRIMARY KEY,
	region TEXT NOT NULL,
	bus    TEXT NOT NULL,
	rule   TEXT NOT NULL,
	target TEXT NOT NULL,
	UNIQUE (region, bus, rule, target)
) STRICT;
CREATE TABLE endpoint (
	no    INTEGER PRIMARY KEY,
	api   TEXT NOT NULL,
	stage TEXT NOT NULL,
	UNIQUE (api, stage)
) STRICT;

-- key is the first half of the event's id (a UUIDv7), so rows are appended and
-- an id is looked up without an index. Times are Unix milliseconds. routes
-- holds the numbers of the targets that matched, as varints: the event's
-- deliveries are n = 0, 1, ... in that order.
CREATE TABLE event (
	key      INTEGER PRIMARY KEY,
	bus      INTEGER NOT NULL,
	ingested INTEGER NOT NULL,
	routes   BLOB,
	trace    TEXT,
	json     BLOB NOT NULL
) STRICT;

-- A delivery that has no row is on its way for the first time.
-- status: 0 pending, 1 delivered, 2 dead. due only when pending.
CREATE TABLE delivery (
	event       INTEGER NOT NULL,
	n           INTEGER NOT NULL,
	route       INTEGER NOT NULL,
	endpoint    INTEGER NOT NULL,
	status      INTEGER NOT NULL,
	attempts    INTEGER NOT NULL,
	at          INTEGER NOT NULL,
	due         INTEGER,
	latency_us  INTEGER,
	status_code INTEGER,
	error_code  TEXT,
	error       TEXT,
	PRIMARY KEY (event, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (endpoint, due) WHERE status = 0;
CREATE INDEX delivery_open ON delivery (status, event, n) WHERE status <> 1;

-- Only attempts that failed.
CREATE TABLE attempt (
	event       INTEGER NOT NULL,
	n           INTEGER NOT NULL,
	number      INTEGER NOT NULL,
	at          INTEGER NOT NULL,
	latency_us  INTEGER NOT NULL,
	status_code INTEGER,
	error_code  TEXT,
	error       TEXT,
	PRIMARY KEY (event, n, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
	id             INTEGER PRIMARY KEY,
	queue          TEXT NOT NULL,
	event          INTEGER NOT NULL,
	n              INTEGER NOT NULL,
	at             INTEGER NOT NULL,
	rule_arn       TEXT NOT NULL,
	target_arn     TEXT NOT NULL,
	error_code     TEXT NOT NULL,
	error_message  TEXT NOT NULL,
	retry_attempts INTEGER NOT NULL,
	exhausted      TEXT,
	body           BLOB NOT NULL
) STRICT;
CREATE INDEX dead_letter_queue ON dead_letter (queue, id);

-- When each rule with a schedule last ran: written with the tick's event.
CREATE TABLE tick (
	region TEXT NOT NULL,
	bus    TEXT NOT NULL,
	rule   TEXT NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (region, bus, rule)
) STRICT, WITHOUT ROWID;

-- One row: every event with a smaller key has a row for each of its
-- deliveries. A restart looks for unfinished ones from here on.
CREATE TABLE mark (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	key  INTEGER NOT NULL
) STRICT;
INSERT INTO mark VALUES (1, 0);
`,
	`
-- An event that came of another, by a replay or by a bus that handed it on, has
-- the key of that one as origin. It has two ids: one is in its envelope, the
-- other one is self, and its own is the one whose key is the row's. Both columns
-- are NULL for all else.
ALTER TABLE event ADD COLUMN self BLOB;
ALTER TABLE event ADD COLUMN origin INTEGER;
CREATE INDEX event_origin ON event (origin) WHERE origin IS NOT NULL;

-- What archives hold. An archive is known by an id that is never used again, so
-- that a new archive by the name of one that was deleted begins empty. The
-- totals are written in the transaction that changes what they count. at is
-- the event's own time, ingested when it came.
CREATE TABLE archive (
	no     INTEGER PRIMARY KEY,
	id     TEXT NOT NULL UNIQUE,
	events INTEGER NOT NULL DEFAULT 0,
	bytes  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE archived (
	no       INTEGER PRIMARY KEY AUTOINCREMENT,
	archive  INTEGER NOT NULL,
	ingested INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	trace    TEXT,
	json     BLOB NOT NULL
) STRICT;
CREATE INDEX archived_at ON archived (archive, at, no);
CREATE INDEX archived_ingested ON archived (archive, ingested);

-- How far each replay has come: written with the events that it replayed.
CREATE TABLE replay (
	id TEXT PRIMARY KEY,
	at INTEGER NOT NULL,
	no INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
	`
-- What was counted, minute by minute, in package history's own form. at is in
-- minutes since 1970. A minute has more than one part where the server was
-- started in it. latest says when each metric of a series was counted last.
CREATE TABLE series (
	no     INTEGER PRIMARY KEY,
	region TEXT NOT NULL,
	bus    TEXT NOT NULL,
	rule   TEXT NOT NULL,
	latest BLOB NOT NULL,
	UNIQUE (region, bus, rule)
) STRICT;
CREATE TABLE minute (
	series INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	part   INTEGER NOT NULL,
	body   BLOB NOT NULL,
	PRIMARY KEY (series, at, part)
) STRICT, WITHOUT ROWID;
`,
	`
-- A delivery that was redriven counts its attempts and its age anew: since is
-- when that was, earlier the number of attempts made before. queued is 1 where
-- its event went to a dead-letter queue when it was given up: it is dead and
-- done with once nothing of it is in dead_letter any more.
ALTER TABLE delivery ADD COLUMN since INTEGER;
ALTER TABLE delivery ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN queued INTEGER;

-- The number of a dead letter is never used again: receipt handles hold it.
-- tries and due are of those that are forwarded elsewhere and were not taken.
CREATE TABLE letter (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	queue          TEXT NOT NULL,
	event          INTEGER NOT NULL,
	n              INTEGER NOT NULL,
	at             INTEGER NOT NULL,
	rule_arn       TEXT NOT NULL,
	target_arn     TEXT NOT NULL,
	error_code     TEXT NOT NULL,
	error_message  TEXT NOT NULL,
	retry_attempts INTEGER NOT NULL,
	exhausted      TEXT,
	body           BLOB NOT NULL,
	tries          INTEGER NOT NULL DEFAULT 0,
	due            INTEGER
) STRICT;
INSERT INTO letter (id, queue, event, n, at, rule_arn, target_arn, error_code, error_message, retry_attempts, exhausted, body)
	SELECT id, queue, event, n, at, rule_arn, target_arn, error_code, error_message, retry_attempts, exhausted, body FROM dead_letter;
DROP TABLE dead_letter;
ALTER TABLE letter RENAME TO dead_letter;
CREATE INDEX dead_letter_queue ON dead_letter (queue, id);
CREATE INDEX dead_letter_delivery ON dead_letter (event, n);
CREATE INDEX dead_letter_at ON dead_letter (at);
UPDATE delivery SET queued = 1 WHERE status = 2 AND status <> 1
	AND EXISTS (SELECT 1 FROM dead_letter l WHERE l.event = delivery.event AND l.n = delivery.n);

-- Redrives, and how far each has come: the delivery that it looked at last.
CREATE TABLE redrive (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	dead     TEXT NOT NULL,
	rate     REAL NOT NULL,
	state    TEXT NOT NULL,
	created  INTEGER NOT NULL,
	ended    INTEGER,
	matched  INTEGER NOT NULL,
	redriven INTEGER NOT NULL DEFAULT 0,
	event    INTEGER NOT NULL DEFAULT -1,
	n        INTEGER NOT NULL DEFAULT 0
) STRICT;
`,
	`
-- What waits, by route: so that the probes of an open circuit can take turns
-- among routes, and counting what waits reads no rows.
CREATE INDEX delivery_waiting ON delivery (endpoint, route, due) WHERE status = 0;
`,
	`
-- A dead letter's body is what was to be sent, which need not name the event:
-- event_id is the id in the event's envelope, NULL for one from before, whose
-- body is the envelope. trace is the event's trace header.
ALTER TABLE dead_letter ADD COLUMN event_id BLOB;
ALTER TABLE dead_letter ADD COLUMN trace TEXT;
`,
	`
-- Deliveries wait by the route that they go to, a method and path of the API's
-- stage, so that one that hangs is not in another's way. What waited before has
-- an empty route here: when its turn comes, it moves to its own.
CREATE TABLE place (
	no        INTEGER PRIMARY KEY,
	api       TEXT NOT NULL,
	stage     TEXT NOT NULL,
	api_route TEXT NOT NULL,
	UNIQUE (api, stage, api_route)
) STRICT;
INSERT INTO place SELECT no, api, stage, '' FROM endpoint;
DROP TABLE endpoint;
ALTER TABLE place RENAME TO endpoint;
`,
}

// migrate brings the database to the version that this program knows, in one
// transaction, and refuses one that is newer.
func migrate(conn *sqlite.Conn) (err error) {
	version, err := sqlitex.ResultInt64(conn.Prep("PRAGMA user_version"))
	if err != nil {
		return fmt.Errorf("reading the store's version: %w", err)
	}
	switch known := int64(len(migrations)); {
	case version == known:
		return nil
	case version > known:
		return fmt.Errorf("the store was written by a newer bailey (schema version %d, this one knows %d): run that one", version, known)
	}
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return fmt.Errorf("migrating the store: %w", err)
	}
	defer end(&err)
	for i, script := range migrations[version:] {
		if err := sqlitex.ExecScript(conn, script); err != nil {
			return fmt.Errorf("migrating the store to version %d: %w", int(version)+i+1, err)
		}
	}
	return sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)), nil)
}

// pragmas of every connection.
//
//   - journal_mode=WAL: one writer and any number of readers do not wait for
//     each other, and a commit is one sequential write.
//   - synchronous=FULL: COMMIT returns only after the log is synced. This is
//     what the answer to PutEvents rests on; NORMAL would lose the newest
//     commits with the power.
//   - wal_autocheckpoint=0: a commit never copies the log into the database;
//     a goroutine does that beside the commits (checkpoint.go).
//   - cache_size: 16 MiB a connection; the writer appends and needs little.
//   - temp_store=MEMORY: nothing is written outside the data folder.
//   - busy_timeout is not needed by one writer, only by a reader that meets a
//     recovery.
var pragmas = []string{
	"PRAGMA journal_mode = WAL",
	"PRAGMA synchronous = FULL",
	"PRAGMA wal_autocheckpoint = 0",
	"PRAGMA journal_size_limit = 67108864",
	"PRAGMA cache_size = -16384",
	"PRAGMA temp_store = MEMORY",
	busyTimeout,
}

const busyTimeout = "PRAGMA busy_timeout = 10000"
