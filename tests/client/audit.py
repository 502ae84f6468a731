"""What the audit tests share: the trail as rows, its files, and statements that tell themselves apart in it."""

import contextlib
import itertools
import subprocess
from pathlib import Path

import psycopg
from harness import World
from psycopg.rows import dict_row
from servers import AS_POSTGRES, PROGRAMS, Server

NUMBERS = itertools.count(1)


class AuditServer(Server):
    """A server of its own with one `World`: its log holds only what the test did, and it may be killed."""

    def __init__(self, name, *settings, tables=None):
        super().__init__(f"audit-{name}", *settings)
        self.tables = tables

    def __enter__(self):
        super().__enter__()
        try:
            arguments = {} if self.tables is None else {"tables": self.tables}
            self.world = World(self.name.replace("-", "_"), address=self.address | {"user": "postgres"}, **arguments)
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def directory(self):
        """The audit directory's default place, a sibling of the data directory."""
        return self.data.with_name("data.ward")

    def app(self, token=None, **options):
        """The application's connection, with its token as a connection option: no statement sets it."""
        if token:
            options["options"] = f"{options.get('options', '')} -c ward.token={token}"
        return self.connect(self.world.name, "app", **options)

    def admin(self, **options):
        return self.connect(self.world.name, **options)

    def trail(self):
        return Trail(self.admin())


class Trail:
    """The audit trail of a database, read by an administrator."""

    def __init__(self, db):
        self.db = db
        self.cursor = db.cursor(row_factory=dict_row)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    def sync(self):
        self.db.execute("SELECT ward.audit_sync()")

    def end(self):
        """Where the trail ends now: (log, index) of its last event."""
        self.sync()
        row = self.db.execute("SELECT log, index FROM ward.audit ORDER BY log DESC, index DESC LIMIT 1").fetchone()
        return row or (0, -1)

    def events(self, where="true", *values, since=(0, -1), sync=True):
        """Events in their order as dictionaries of `ward.audit`'s columns."""
        if sync:
            self.sync()
        query = f"SELECT * FROM ward.audit WHERE (log, index) > (%s, %s) AND ({where}) ORDER BY log, index"
        return self.cursor.execute(query, (*since, *values)).fetchall()

    def denials(self, where="true", *values, since=(0, -1)):
        return self.events(f"outcome = 'denied' AND ({where})", *values, since=since)

    def verify(self):
        """What `ward.verify_audit()` found wrong: empty if all is well."""
        rows = self.cursor.execute("SELECT * FROM ward.verify_audit()").fetchall()
        # Logs that lie elsewhere (a promoted standby's former primary) are named, and are no fault.
        assert any(row["verdict"] == "valid" for row in rows) or any(row["verdict"] == "invalid" for row in rows), rows
        return [row for row in rows if row["verdict"] == "invalid"]


def mark(prefix="m"):
    """A name that no other statement has. As a column's alias it survives normalisation, so an event can be told by it."""
    return f"{prefix}_{next(NUMBERS)}_x"


@contextlib.contextmanager
def denied(sqlstate=None):
    """The block must fail with a database error, and with this SQLSTATE if one is given."""
    try:
        yield
    except psycopg.Error as error:
        assert sqlstate in (None, error.sqlstate), f"expected {sqlstate}, got {error.sqlstate}: {error}"
    else:
        raise AssertionError("nothing was refused")


def copy_tree(source, target):
    """Copies files whatever their owner and mode; the copy is ours.

    A sealer may be at work: files that it removes are left out, and checkpoints are those of before.
    """
    checkpoints = {path.relative_to(source): path.read_bytes() for path in Path(source).rglob("checkpoint")}
    subprocess.run(["cp", "-r", "--no-preserve=ownership", source, target], stderr=subprocess.DEVNULL)
    for path, text in checkpoints.items():
        (Path(target) / path).write_bytes(text)


def as_postgres(*command):
    return subprocess.run([*AS_POSTGRES, *command], check=True, cwd="/", stdout=subprocess.PIPE, text=True).stdout


def verify_files(directory, folder, command="log", *arguments):
    """Whether ward-verify finds a log of this audit directory to be good; its key is the one of the directory."""
    key = (Path(directory) / "audit.vkey").read_text().strip()
    run = subprocess.run([PROGRAMS / "ward-verify", command, folder, *arguments, "--key", key], capture_output=True, text=True)
    assert run.returncode in (0, 1), run.stderr
    return run.returncode == 0


def is_consistent(directory, folder, checkpoint):
    """Whether ward-verify finds that a log still begins with what it was when this checkpoint was kept."""
    return verify_files(directory, folder, "consistency", checkpoint)
