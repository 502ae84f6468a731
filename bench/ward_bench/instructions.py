"""Instructions per statement, counted by valgrind in a single-user backend: exact where seconds are too noisy.

The same backend runs a warm-up and N statements, then again with 2 N; the difference over N is one statement,
without start-up. Single-user mode has no client and no network, so ratios here are those of the server's work alone.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import psycopg

from . import server
from .measure import Checks
from .settings import SEED, Sizes

ROWS = 20_000
CLEARANCE = f"'{server.CLEARANCE}'::ward.label"
SCHEMA = """
CREATE TABLE accounts (aid integer PRIMARY KEY, abalance integer NOT NULL);
CREATE TABLE items (id bigint PRIMARY KEY, tenant_id integer NOT NULL, label ward.label NOT NULL, amount integer NOT NULL);
INSERT INTO accounts SELECT g, g FROM generate_series(1, {rows}) g;
INSERT INTO items SELECT g, 1 + g % 5, 'internal', g FROM generate_series(1, {rows}) g;
VACUUM ANALYZE;
"""


class SingleUser:
    """A scratch data folder, and postgres --single on it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ward-bench-"))
        # PostgreSQL refuses to run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.home, "postgres")
        config = os.environ.get("WARD_PG_CONFIG") or shutil.which("pg_config")
        self.bin = Path(subprocess.run([config, "--bindir"], check=True, capture_output=True, text=True).stdout.strip())
        with server.connect("postgres") as connection:
            path = connection.execute("SHOW dynamic_library_path").fetchone()[0]
        self.data = str(self.home / "data")
        self.settings = {"dynamic_library_path": path, "jit": "off", "fsync": "off", "listen_addresses": "",
                         "unix_socket_directories": str(self.home)}
        self._run([str(self.bin / "initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"])

    def _run(self, command: list[str], text: str = "") -> str:
        environment = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
        done = subprocess.run(self.user + command, input=text, capture_output=True, text=True, cwd="/", env=environment)
        if done.returncode or re.search(r"^.*(ERROR|FATAL): ", done.stderr, re.M):
            raise RuntimeError(done.stderr[-3000:])
        return done.stderr

    def _options(self, loaded: bool) -> list[str]:
        settings = self.settings | {"shared_preload_libraries": "ward" if loaded else ""}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def set_up(self, databases: dict[str, list[str]]) -> None:
        """Makes the databases with an ordinary server, which is stopped again."""
        control = [str(self.bin / "pg_ctl"), "-D", self.data, "-w", "-s", "-l", str(self.home / "log")]
        self._run([*control, "-o", shlex.join(self._options(loaded=True)), "start"])
        try:
            for database, statements in databases.items():
                for name, some in (("postgres", [f"CREATE DATABASE {database}"]), (database, statements)):
                    with psycopg.connect(host=str(self.home), dbname=name, user="postgres", autocommit=True) as connection:
                        for statement in some:
                            connection.execute(statement)
        finally:
            self._run([*control, "-m", "fast", "stop"])

    def count(self, database: str, before: list[str], statements: list[str], loaded: bool = True) -> float:
        """Instructions per statement."""
        half = len(statements) // 2
        total = [self._collected(database, before + statements[:end], loaded) for end in (half, len(statements))]
        return (total[1] - total[0]) / (len(statements) - half)

    def _collected(self, database: str, script: list[str], loaded: bool) -> int:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(self.bin / "postgres"),
                   "--single", "-D", self.data, *self._options(loaded), database]
        output = self._run(command, "\n".join(script) + "\n")
        return int(re.search(r"Collected : (\d+)", output)[1])

    def close(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)


def set_up(scratch: SingleUser, mint: server.Mint) -> None:
    """`plain` has nothing of ward in it; `hand` and `ward` have the same rows, unprotected and protected."""
    create = [line for line in SCHEMA.format(rows=ROWS).split("\n") if line]
    roles = [f"CREATE ROLE {role} LOGIN" for role in ("bench_app", "bench_bare", "bench_initplan")]
    scratch.set_up({
        "plain": [line.replace("ward.label", "text") for line in create] + roles,
        "hand": ["CREATE EXTENSION ward", *create, *server.native_policies("items", label=True)],
        "ward": ["CREATE EXTENSION ward", *create, server.trust(mint), "SELECT ward.protect('items')",
                 "GRANT SELECT ON items, accounts TO bench_app"],
    })


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    if not shutil.which("valgrind"):
        print("    valgrind is not installed: no instructions are counted", flush=True)
        return {}
    scratch = SingleUser()
    try:
        set_up(scratch, mint)
        return measure(scratch, sizes, mint, checks)
    finally:
        scratch.close()


def measure(scratch: SingleUser, sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    random = np.random.default_rng(SEED)
    aids = random.integers(1, ROWS, sizes.counted).tolist()
    # id % 5 = 0 belongs to tenant 1.
    ids = [one - one % 5 + 5 for one in aids]
    native = ["SET app.tenant = '1'", f"SET app.clearance = '{server.CLEARANCE}'"]
    ward = ["SET ROLE bench_app", f"SET ward.token = '{mint.token(1)}'"]
    account = "SELECT abalance FROM accounts WHERE aid = {}"
    item = "SELECT amount FROM items WHERE id = {}"
    hand = item + f" AND tenant_id = 1 AND label OPERATOR(ward.<@) {CLEARANCE}"

    def each(query: str, keys: list[int]) -> tuple[list[str], list[str]]:
        return [query.format(keys[0])] * 10, [query.format(key) for key in keys]

    def prepared(query: str, keys: list[int]) -> tuple[list[str], list[str]]:
        # Ten executions, so that the choice of a generic plan has been made.
        return [f"PREPARE q(integer) AS {query.format('$1')}", *[f"EXECUTE q({keys[0]})"] * 10], [f"EXECUTE q({key})" for key in keys]

    results = {}
    ways = {"planned each time": each, "prepared": prepared}
    for mode, way in list(ways.items())[:sizes.counted_modes]:
        warm, statements = way(account, aids)
        warm_hand, statements_hand = way(hand, ids)
        warm_ward, statements_ward = way(item, ids)
        results[mode] = {
            "unprotected": relative({
                "ward not loaded": scratch.count("plain", warm, statements, loaded=False),
                "loaded, not in this database": scratch.count("plain", warm, statements),
                "loaded, another table protected": scratch.count("ward", warm, statements),
            }),
            "protected": relative({
                "hand-written": scratch.count("hand", warm_hand, statements_hand),
                "RLS": scratch.count("hand", ["SET ROLE bench_bare", *native, *warm_ward], statements_ward),
                "RLS, InitPlan": scratch.count("hand", ["SET ROLE bench_initplan", *native, *warm_ward], statements_ward),
                "ward": scratch.count("ward", [*ward, *warm_ward], statements_ward),
            }),
        }
    checks.that("instructions were counted", all(
        arm["instructions"] > 0 for kinds in results.values() for arms in kinds.values() for arm in arms.values()))
    return results


def relative(counts: dict[str, float]) -> dict[str, dict]:
    base = next(iter(counts.values()))
    return {name: {"instructions": round(count), "ratio": round(count / base, 4)} for name, count in counts.items()}
