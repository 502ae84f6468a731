"""Clients that read, write and are refused without pause, and a journal of what they were told.

Every statement has a name of its own (`audit.mark`), which is an alias of a column and so survives normalisation.
"""

import random
import threading
from dataclasses import dataclass, field

import psycopg
from audit import mark

TABLES = """
CREATE TABLE reads_async (id int PRIMARY KEY, tenant_id int, body text);
CREATE TABLE reads_commit (LIKE reads_async INCLUDING ALL);
CREATE TABLE reads_strict (LIKE reads_async INCLUDING ALL);
CREATE TABLE writes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id int, body text);
INSERT INTO reads_async SELECT n, 1, repeat('x', 500) FROM generate_series(1, 200) n;
INSERT INTO reads_commit TABLE reads_async;
INSERT INTO reads_strict TABLE reads_async;
ANALYZE;
SELECT ward.protect('reads_async', label => NULL, options => '{"audit_reads": "async"}');
SELECT ward.protect('reads_commit', label => NULL, options => '{"audit_reads": "commit"}');
SELECT ward.protect('reads_strict', label => NULL, options => '{"audit_reads": "strict"}');
SELECT ward.protect('writes', label => NULL);
CREATE TABLE hidden (id int);
CREATE FUNCTION swallow() RETURNS void LANGUAGE plpgsql AS
    'BEGIN PERFORM id FROM hidden; EXCEPTION WHEN insufficient_privilege THEN NULL; END';
"""
ENDS = ("COMMIT", "ROLLBACK", "COMMIT AND CHAIN")
AFTER = "REVOKE ALL ON hidden FROM app"


@dataclass
class Journal:
    """What clients know to have happened: names of statements by kind."""

    known: dict[str, list[str]] = field(default_factory=dict)
    # Sent, with no answer yet: these may be there or not.
    sent: set[str] = field(default_factory=set)

    def send(self, name):
        self.sent.add(name)

    def acknowledge(self, kind, name):
        self.known.setdefault(kind, []).append(name)

    def __len__(self):
        return sum(map(len, self.known.values()))

    def missing(self, trail):
        """Names by kind of which the trail knows nothing."""
        return {kind: [name for name in names if name not in trail] for kind, names in self.known.items()}


def read_async(db, journal, name):
    db.execute(f"SELECT body AS {name} FROM reads_async WHERE id = 7").fetchall()
    journal.acknowledge("async", name)


def read_commit(db, journal, name):
    db.execute(f"SELECT body AS {name} FROM reads_commit WHERE id = 7").fetchall()
    journal.acknowledge("commit", name)


def read_in_transaction(db, journal, name):
    """Known when the transaction has ended, however it did."""
    db.execute("BEGIN")
    db.execute(f"SELECT body AS {name} FROM reads_commit WHERE id < 9").fetchall()
    end = ENDS[int(name.split("_")[1]) % len(ENDS)]
    db.execute(end)
    journal.acknowledge("commit", name)
    if "CHAIN" in end:
        db.execute("ROLLBACK")


def read_strict(db, journal, name):
    """Known from the first row on, though the statement never ends."""
    with db.cursor() as cursor:
        for _ in cursor.stream(f"SELECT body AS {name} FROM reads_strict, generate_series(1, 20)"):
            if name is not None:
                journal.acknowledge("strict", name)
                name = None


def denied(db, journal, name):
    try:
        db.execute(f"SELECT id AS {name} FROM hidden")
    except psycopg.errors.InsufficientPrivilege:
        journal.acknowledge("denied", name)


def swallowed(db, journal, name):
    db.execute(f"SELECT swallow() AS {name}")
    journal.acknowledge("swallowed", name)


def refused_by_ward(db, journal, name):
    try:
        db.execute(f"INSERT INTO writes (tenant_id, body) VALUES (2, 'x') RETURNING id AS {name}")
    except psycopg.errors.InsufficientPrivilege:
        journal.acknowledge("denied by ward", name)


def write(db, journal, name):
    db.execute(f"INSERT INTO writes (body) VALUES ('x') RETURNING id AS {name}").fetchall()
    journal.acknowledge("write", name)


WORK = (read_async, read_commit, read_in_transaction, read_strict, denied, swallowed, refused_by_ward, write)


class Load:
    """Clients that run WORK in random order, each on a connection of its own, until the server is gone."""

    def __init__(self, connect, clients, seed, work=WORK):
        self.journal = Journal()
        self.lost = []
        self.threads = [threading.Thread(target=self.client, args=(connect, random.Random(f"{seed} {n}"), work)) for n in range(clients)]
        self.end = threading.Event()
        for thread in self.threads:
            thread.start()

    def client(self, connect, dice, work):
        try:
            with connect() as db:
                db.prepare_threshold = None
                while not self.end.is_set():
                    name = mark()
                    self.journal.send(name)
                    dice.choice(work)(db, self.journal, name)
        except psycopg.OperationalError:
            pass  # the server is gone: what was sent last has no answer
        except Exception as error:
            self.lost.append(error)

    def join(self):
        self.end.set()
        for thread in self.threads:
            thread.join()
        if self.lost:
            raise self.lost[0]
        return self.journal
