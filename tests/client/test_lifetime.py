"""When an identity ends: `exp`, key rotation, revocation and lost trust act at the next statement of every session,
inside its open transaction too, whatever its isolation level."""

import time

import psycopg
from harness import AUDIENCE, ISSUER, Issuer, WardTest, be, tenants

# The default clock leeway: a token lives until exp + leeway.
LEEWAY = 5


def until_dead(token_made_at, ttl):
    time.sleep(max(0.0, token_made_at + ttl + LEEWAY + 1.2 - time.time()))


class Expiry(WardTest):
    def test_dies_in_a_session_a_transaction_a_cursor_and_a_prepared_statement(self):
        # One wait for all: each connection gets the same short-lived token and is caught in another state.
        made_at, token = time.time(), self.world.token(1, ttl=2)
        states = {name: self.world.app(token) for name in ("session", "transaction", "cursor", "prepared", "function")}
        for db in states.values():
            self.sees_only(db, 1)
        states["transaction"].execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM docs")
        states["cursor"].execute("BEGIN; DECLARE c CURSOR FOR SELECT tenant_id FROM docs")
        self.assertEqual(states["cursor"].execute("FETCH 2 FROM c").fetchall(), [(1,), (1,)])
        prepared = "SELECT DISTINCT tenant_id FROM docs WHERE id > %s"
        states["prepared"].execute(prepared, (0,), prepare=True)
        # A live one beside them is the control: it is the token that dies, not the session.
        live = self.world.app(self.world.token(1))
        until_dead(made_at, 2)
        with self.refused("WD008", "28000"):
            tenants(states["session"])
        with self.refused("WD008"):
            tenants(states["transaction"])
        with self.refused("WD008"):
            states["cursor"].execute("FETCH 2 FROM c")
        with self.refused("WD008"):
            states["prepared"].execute(prepared, (0,), prepare=True)
        with self.refused("WD008"):
            states["function"].execute("SELECT ward.tenant()")
        self.sees_only(live, 1)
        # A fresh token, and the session goes on.
        be(states["session"], self.world.token(1))
        self.sees_only(states["session"], 1)
        for db in (*states.values(), live):
            db.close()


class Withdrawal(WardTest):
    """Another session's administrative call against an open one."""

    def open_sessions(self, token):
        """Sessions in three states: idle, in READ COMMITTED, in REPEATABLE READ with its snapshot taken."""
        sessions = [self.world.app(token) for _ in range(3)]
        for db, begin in zip(sessions, ("", "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ")):
            if begin:
                db.execute(begin)
            self.sees_only(db, 1)
            self.addCleanup(db.close)
        return sessions

    def withdrawn(self, code, token, call, *args):
        sessions = self.open_sessions(token)
        with self.world.admin() as admin:
            admin.execute(call, args)
        for db in sessions:
            with self.refused(code, "28000"):
                tenants(db)

    def test_revoke_token_by_jti(self):
        self.withdrawn("WD012", self.world.token(1, jti="t-1"), "SELECT ward.revoke('token', 't-1', 'lost')")

    def test_revoke_token_by_hash(self):
        token = self.world.token(1)
        with self.world.app(token) as db:
            hash_ = db.execute("SELECT token FROM ward.session()").fetchone()[0]
        self.withdrawn("WD012", token, "SELECT ward.revoke('token', %s, 'lost')", hash_)

    def test_revoke_subject(self):
        other = self.world.app(self.world.token(1, subject="bystander"))
        self.withdrawn("WD012", self.world.token(1, subject="mallory"), "SELECT ward.revoke('subject', 'mallory', 'left')")
        self.sees_only(other, 1)
        other.close()

    def test_revoke_session(self):
        self.withdrawn("WD012", self.world.token(1, sid="s-1"), "SELECT ward.revoke('session', 's-1', 'logout')")

    def test_rotate_keys(self):
        w, fresh = self.world, Issuer("k2")
        self.withdrawn("WD004", w.token(1), "SELECT ward.rotate_keys(%s, %s)", ISSUER, fresh.jwks)
        with w.app(fresh.token(1)) as db:
            self.sees_only(db, 1)
        # And back: the old key is good again at the next statement of an open session.
        with w.app() as db, w.admin() as admin:
            be(db, w.token(1))
            with self.refused("WD004"):
                tenants(db)
            admin.execute("SELECT ward.rotate_keys(%s, %s)", (ISSUER, w.issuer.jwks))
            self.sees_only(db, 1)

    def test_distrust_issuer(self):
        w = self.world
        try:
            self.withdrawn("WD003", w.token(1), "SELECT ward.distrust_issuer(%s)", ISSUER)
        finally:
            with w.admin() as admin:
                admin.execute("SELECT ward.trust_issuer(%s, %s, %s)", (ISSUER, AUDIENCE, w.issuer.jwks))

    def test_a_rolled_back_revocation_does_not_act(self):
        with self.world.app(self.world.token(1, subject="lucky")) as db, self.world.admin() as admin:
            with self.assertRaises(ZeroDivisionError), admin.transaction():
                admin.execute("SELECT ward.revoke('subject', 'lucky', 'mistake')")
                raise ZeroDivisionError
            self.sees_only(db, 1)


class Protection(WardTest):
    """protect and unprotect in one session act at the next statement of the other."""

    def test_protect_and_unprotect_act_at_the_next_statement(self):
        query = "SELECT DISTINCT tenant_id FROM docs_open WHERE id > %s ORDER BY 1"
        everything = [(n,) for n in range(1, 6)]
        with self.world.app() as db, self.world.admin() as admin:
            run = lambda: db.execute(query, (0,), prepare=True).fetchall()
            self.assertEqual(run(), everything)
            admin.execute("SELECT ward.protect('docs_open')")
            with self.refused("WD000"):
                run()
            be(db, self.world.token(2))
            self.assertEqual(run(), [(2,)])
            # In an open transaction as well. REPEATABLE READ keeps rows, not permissions.
            db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            self.assertEqual(run(), [(2,)])
            admin.execute("SET lock_timeout = '1s'")
            with self.assertRaises(psycopg.errors.LockNotAvailable):
                # Readers are waited for: nobody is in the middle of a statement when protection ends.
                admin.execute("SELECT ward.unprotect('docs_open', 'test')")
            db.execute("COMMIT")
            admin.execute("SELECT ward.unprotect('docs_open', 'test')")
            self.assertEqual(run(), everything)
