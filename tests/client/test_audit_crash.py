"""`kill -9` of the whole server under load: what was acknowledged is in the trail, and what was sealed stays as it was.

The oracle is the clients' own journal. WARD_CRASH_ROUNDS (3) is how often, WARD_SEED repeats the choices.
"""

import os
import random
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

import psycopg
import tlog
from audit import AuditServer, copy_tree, is_consistent, mark
from load import AFTER, TABLES, WORK, Load, read_async

ROUNDS = int(os.environ.get("WARD_CRASH_ROUNDS", "3"))
SEED = os.environ.get("WARD_SEED", str(random.randrange(10**6)))
CLIENTS = 8
# The levels that promise something to whoever was answered.
PROMISED = ("commit", "strict", "denied", "swallowed", "denied by ward", "write")


def names(events):
    """The names (audit.mark) in the texts of events."""
    return {word for event in events for word in (event["query"] or "").split() if word.startswith("m_")}


class Crash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"      WARD_SEED={SEED} WARD_CRASH_ROUNDS={ROUNDS}")
        cls.dice = random.Random(SEED)
        cls.server = cls.enterClassContext(AuditServer("crash", tables=TABLES))
        with cls.server.admin() as db:
            db.execute(AFTER)
        cls.token = cls.server.world.token(1)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.counts = Counter()

    @classmethod
    def tearDownClass(cls):
        print("      acknowledged " + ", ".join(f"{kind} {count}" for kind, count in sorted(cls.counts.items())))

    def connect(self):
        return self.server.app(self.token)

    def check(self, journal, trail):
        """Nothing that was promised is missing; what nobody promised is counted."""
        events = trail.events()
        missing = journal.missing(names(events))
        for kind in PROMISED:
            self.assertEqual(missing.get(kind, []), [], f"{kind}: acknowledged and not in the trail")
            self.counts[kind] += len(journal.known.get(kind, []))
        self.counts["async"] += len(journal.known.get("async", []))
        self.counts["async, lost"] += len(missing.get("async", []))
        self.contiguous(events)
        self.assertEqual(trail.verify(), [])
        for folder in tlog.logs(self.server.directory):
            tlog.check(folder)
        return events

    def contiguous(self, events):
        """No index twice, none left out but by dictionary entries; within a session numbers only rise."""
        places = [(e.get("origin"), e["log"], e["index"]) for e in events]
        self.assertEqual(len(set(places)), len(places))
        last = {}
        for event in events:
            session = (event["boot"], event["session"])
            self.assertGreater(event["seq"], last.get(session, -1))
            last[session] = event["seq"]
        self.assertEqual([e for e in events if e["kind"] in ("gap", "forged")], [])

    def snapshot(self, number):
        """The sealed log as it is when everything is dead."""
        copy = self.folder / str(number)
        copy_tree(self.server.directory, copy)
        return copy

    def unchanged(self, copy):
        for old in tlog.logs(copy):
            new = self.server.directory / "log" / old.name
            self.assertTrue(tlog.extends(new, old), f"{old.name}: what was sealed has changed")
            self.assertTrue(is_consistent(self.server.directory, new, old / "checkpoint"))
            for path in tlog.full_tiles(old, tlog.Checkpoint.read(old / "checkpoint").size):
                self.assertEqual((new / path.relative_to(old)).read_bytes(), path.read_bytes(), path)

    def test_nothing_acknowledged_is_missing(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                load = Load(self.connect, CLIENTS, f"{SEED} {number}")
                time.sleep(self.dice.uniform(0.3, 3))
                self.server.kill()
                journal = load.join()
                self.assertGreater(len(journal), 0, "the load did nothing")
                copy = self.snapshot(number)
                self.server.start()
                with self.server.trail() as trail:
                    self.check(journal, trail)
                self.unchanged(copy)
        for kind in PROMISED:
            self.assertGreater(self.counts[kind], 0, f"no {kind} was ever acknowledged")

    def test_the_journal_can_miss(self):
        """Controls: a statement that was never sent is reported, and asynchronous reads do get lost."""
        lost = 0
        for number in range(5):
            load = Load(self.connect, CLIENTS, f"control {number}", work=(read_async,))
            time.sleep(0.5)
            self.server.kill()
            journal = load.join()
            journal.acknowledge("commit", mark())
            self.server.start()
            with self.server.trail() as trail:
                missing = journal.missing(names(trail.events()))
            self.assertEqual(len(missing["commit"]), 1)
            lost += len(missing["async"])
            if lost:
                break
        print(f"      asynchronous reads lost in {number + 1} kills: {lost}")

    def test_a_killed_sealer(self):
        """PostgreSQL restarts all backends when one dies by a signal; the trail goes on where it was."""
        load = Load(self.connect, 4, f"{SEED} sealer")
        time.sleep(0.5)
        os.kill(self.server.child("ward sealer"), 9)
        journal = load.join()
        copy = self.snapshot("sealer")
        self.wait_for_server()
        with self.server.trail() as trail:
            self.check(journal, trail)
        self.unchanged(copy)

    def wait_for_server(self):
        for _ in range(300):
            try:
                self.server.connect().close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        self.fail("the server does not come back")

    def test_restart_storm(self):
        """Killed again while it recovers, and while the sealer catches up."""
        load = Load(self.connect, CLIENTS, f"{SEED} storm", work=WORK)
        time.sleep(1)
        self.server.kill()
        journal = load.join()
        copy = self.snapshot("storm")
        for _ in range(6):
            self.server.start(wait=False)
            time.sleep(self.dice.uniform(0.02, 0.6))
            self.server.kill()
        self.server.start()
        with self.server.trail() as trail:
            self.check(journal, trail)
        self.unchanged(copy)

    def test_a_second_run_seals_the_same_bytes(self):
        """The state is put back to what it was before: the sealer does the work again, and the files come out alike."""
        with self.server.trail() as trail:
            trail.sync()
        self.server.kill()
        early = self.snapshot("early")
        self.server.start()
        with self.connect() as db:
            for _ in range(50):
                read_async(db, Load(self.connect, 0, SEED).journal, mark())
        with self.server.trail() as trail:
            trail.sync()
        self.server.kill()
        late = self.snapshot("late")
        # A crash between writing tiles and writing the state looks like this.
        state = self.server.directory / "state"
        state.write_bytes((early / "state").read_bytes())
        self.server.start()
        with self.server.trail() as trail:
            trail.sync()
            self.assertEqual(trail.verify(), [])
        self.unchanged(late)
