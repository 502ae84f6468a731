"""What an audit trail costs: ward's against none, a trigger, a hash chain and pgaudit; and how soon it is sealed.

Three servers alike but for what audits, all with fsync: this is about what reaches the disk. Every arm's tables have row
security. Ratios are of transactions per second to the arm without audit, the arms taking turns. After each turn of ward the
sealer is waited for, so that nobody works in another arm's time; how long that took is told.

What the arms record differs, and so does what remains of it:

- *none*: nothing.
- *trigger*: who, when, old and new row of committed changes; no reads, no refusals. A superuser can change it.
- *hash chain*: the same and the hash of the record before, under one advisory lock.
- *pgaudit* (`read, write`): the text of each statement in the server's log, without fsync; not what was refused.
- *ward*: each statement with identity, relations and columns, refusals, sealed and signed; `rows` adds old and new values.
"""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import psycopg

from . import measure, server
from .audit_tables import ACCOUNTS, CHAIN, PGAUDIT, PLAIN, SCRIPTS, TABLES, TRIGGER, ward
from .measure import Checks
from .settings import SEED, Sizes

DATABASE = "ward_bench_audit"
TENANT = 1
# The socket folders of the servers; scripts/bench.sh sets them.
HOSTS = {name: os.environ.get(f"WARD_BENCH_AUDIT_{name.upper()}") for name in ("none", "ward", "pgaudit")}


class Arm:
    """A database, what is done there to audit it, and how clients connect."""

    def __init__(self, name: str, host: str, setup: tuple[str, ...], options: str, reads: bool = True):
        self.name, self.host, self.setup, self.reads = name, HOSTS[host], setup, reads
        self.database = f"{DATABASE}_{re.sub('[^a-z]+', '_', name)}"
        self.options = options
        # seconds that the sealer needed after each turn
        self.catch_up: list[float] = []

    def connect(self, user: str | None = None, database: str | None = None, options: str = "") -> psycopg.Connection:
        connection = psycopg.connect(host=self.host, dbname=database or self.database, user=user, options=options, autocommit=True)
        connection.prepare_threshold = None
        return connection

    def client(self) -> psycopg.Connection:
        return self.connect("bench_app", options=self.options)

    def prepare(self, mint: server.Mint) -> None:
        with self.connect(database="postgres") as db:
            db.execute(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
            db.execute(f"CREATE DATABASE {self.database}")
            if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = 'bench_app'").fetchone():
                db.execute("CREATE ROLE bench_app LOGIN")
        with self.connect() as db:
            db.execute(TABLES)
            for statement in self.setup:
                db.execute(statement.format(trust=server.trust(mint)))
            db.execute("VACUUM ANALYZE")
            db.execute("CHECKPOINT")

    def run(self, work: str, clients: int, seconds: int) -> float:
        """Transactions per second of pgbench."""
        environment = os.environ | {"PGHOST": self.host, "PGOPTIONS": self.options, "PGUSER": "bench_app"}
        output = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-f", "-", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds),
             "--random-seed", str(SEED), self.database], input=SCRIPTS[work], env=environment, check=True, capture_output=True, text=True)
        self.settle()
        return float(re.search(r"tps = ([\d.]+)", output.stdout)[1])

    def settle(self) -> None:
        if self.name.startswith("ward"):
            start = time.monotonic()
            with self.connect() as db:
                db.execute("SELECT ward.audit_sync('10 minutes')")
            self.catch_up.append(time.monotonic() - start)


def arms(mint: server.Mint) -> list[Arm]:
    native, token = f"-c app.tenant={TENANT}", f"-c ward.token={mint.token(TENANT)}"
    found = [
        Arm("no audit", "none", PLAIN, native),
        Arm("trigger", "none", PLAIN + TRIGGER, native, reads=False),
        Arm("hash chain", "none", PLAIN + CHAIN, native, reads=False),
        Arm("pgaudit", "pgaudit", PLAIN + PGAUDIT, native),
        Arm("ward, async", "ward", ward(audit_reads="async"), token),
        Arm("ward, commit", "ward", ward(audit_reads="commit"), token),
        Arm("ward, strict", "ward", ward(audit_reads="strict"), token),
        Arm("ward, async, rows", "ward", ward(audit_reads="async", audit_rows=True), token),
    ]
    return [arm for arm in found if arm.host]


def rates(sizes: Sizes, every: list[Arm]) -> dict:
    """Transactions per second of each kind of work, the arms taking turns; the first round warms up."""
    result = {}
    for work in SCRIPTS:
        for clients in (1, 64):
            able = [arm for arm in every if work != "SELECT" or arm.reads]
            tps: dict[str, list[float]] = {arm.name: [] for arm in able}
            for number in range(sizes.pgbench_rounds + 1):
                turn = number % len(able)
                for arm in able[turn:] + able[:turn]:
                    rate = arm.run(work, clients, sizes.pgbench_seconds if number else 1)
                    if number:
                        tps[arm.name].append(rate)
            base = np.array(tps[able[0].name])
            result[f"{work}, {clients} client{'s' * (clients > 1)}"] = {
                name: {"tps": round(float(np.median(one))), "ratio": round(float(np.median(np.array(one) / base)), 3),
                       "ratios": [round(float(ratio), 3) for ratio in np.array(one) / base]} for name, one in tps.items()
            } | {arm.name: None for arm in every if arm not in able}
    return result


def computing(sizes: Sizes, every: list[Arm]) -> dict[str, dict[str, float]]:
    """Microseconds that the backend computes for one prepared look-up, the arms interleaved call by call: other than
    transactions per second it hardly depends on what else the machine does. Sealing and projecting are not in it."""
    able = [measure.Arm(arm.name, arm.client()) for arm in every if arm.reads]
    random = np.random.default_rng(SEED)
    query = "SELECT balance FROM accounts WHERE id = %s"
    calls = [measure.Call(query, (int(account),), TENANT) for account in random.integers(1, ACCOUNTS, sizes.point_calls)]
    measure.interleave(able, calls, sizes.repetitions, prepare=True)
    measure.close(able)
    cpu = {arm.name: min(arm.cpu) / 1000 for arm in able if arm.cpu}
    return {name: {"cpu_us": round(one, 1), "ratio": round(one / cpu[able[0].name], 2)} for name, one in cpu.items()}


def directory(db: psycopg.Connection) -> Path:
    """The folder of the newest log; the server's files must be readable here."""
    named = db.execute("SHOW ward.audit_directory").fetchone()[0] or f"{db.execute('SHOW data_directory').fetchone()[0]}.ward"
    return sorted((Path(named) / "log").iterdir())[-1]


def sealed(folder: Path) -> int:
    return int((folder / "checkpoint").read_text().split("\n")[1])


def holds(folder: Path, begin: int, name: bytes) -> bool:
    """Whether a bundle from entry `begin` on holds this name."""
    numbers = [f"{begin // 256 + n:09}" for n in range(3)]
    paths = [folder / "tile" / "entries" / (f"x{n[:3]}/x{n[3:6]}/{n[6:]}" if n[:3] != "000" else f"x{n[3:6]}/{n[6:]}" if n[3:6] != "000" else n[6:])
             for n in numbers]
    files = [file for path in paths for file in ([path] if path.exists() else Path(f"{path}.p").glob("*"))]
    return any(name in file.read_bytes() for file in files)


def latency(arm: Arm, samples: int) -> dict[str, float]:
    """From sending a refused statement to the signed checkpoint that covers it, in milliseconds."""
    with arm.connect() as db:
        folder = directory(db)
    took = []
    with arm.client() as db:
        for number in range(samples):
            begin, name = sealed(folder), f"sample_{number}_x"
            start = time.monotonic()
            try:
                db.execute(f"SELECT id AS {name} FROM hidden")
            except psycopg.errors.InsufficientPrivilege:
                pass
            at = begin
            while True:
                if (now := sealed(folder)) != at:
                    if holds(folder, at, name.encode()):
                        break
                    at = now
                time.sleep(0.0005)
            took.append((time.monotonic() - start) * 1000)
            time.sleep(0.003 * (number % 7))
    return {"p50_ms": round(float(np.percentile(took, 50)), 1), "p99_ms": round(float(np.percentile(took, 99)), 1),
            "max_ms": round(max(took), 1), "samples": samples}


def under_load(arm: Arm, samples: int) -> dict[str, float]:
    environment = os.environ | {"PGHOST": arm.host, "PGOPTIONS": arm.options, "PGUSER": "bench_app"}
    load = subprocess.Popen(["pgbench", "-n", "-M", "prepared", "-f", "-", "-c", "8", "-R", "500", "-T", "3600", arm.database],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, text=True)
    try:
        load.stdin.write(SCRIPTS["SELECT"])
        load.stdin.close()
        time.sleep(1)
        return latency(arm, samples)
    finally:
        load.terminate()
        load.wait()
        arm.settle()


def verification(arm: Arm, checks: Checks) -> dict[str, float]:
    """How fast everything is verified that this run has recorded."""
    with arm.connect() as db:
        db.execute("SELECT ward.audit_sync('10 minutes')")
        entries = sealed(directory(db))
        start = time.monotonic()
        rows = db.execute("SELECT verdict = 'valid' FROM ward.verify_audit()").fetchall()
        seconds = time.monotonic() - start
    checks.that(f"the trail of this run verifies: {entries:,} entries", bool(rows) and all(good for good, in rows))
    return {"entries": entries, "seconds": round(seconds, 2), "per_second": round(entries / seconds)}


def wal(arm: Arm, calls: int) -> dict[str, float]:
    """Bytes of write-ahead log per prepared read: the records themselves, and with the rows of the projection."""
    with arm.connect() as db, arm.client() as client:
        db.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        query = "SELECT balance FROM accounts WHERE id = %s"
        client.execute(query, (1,), prepare=True)
        db.execute("SELECT ward.audit_sync('10 minutes')")
        db.execute("CHECKPOINT")
        begin = db.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        for number in range(calls):
            client.execute(query, (number,), prepare=True)
        db.execute("SELECT ward.audit_sync('10 minutes')")
        end = db.execute("SELECT pg_current_wal_flush_lsn()").fetchone()[0]
        sizes = dict(db.execute('SELECT "resource_manager/record_type", combined_size FROM pg_get_wal_stats(%s, %s)', (begin, end)).fetchall())
    records = sum(size for name, size in sizes.items() if name.startswith("LogicalMessage"))
    return {"record_bytes": round(float(records) / calls), "with_projection_bytes": round(float(sum(sizes.values())) / calls), "calls": calls}


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    if not (HOSTS["none"] and HOSTS["ward"]):
        return {}
    every = arms(mint)
    for arm in every:
        arm.prepare(mint)
    result: dict = {"cpu": computing(sizes, every), "rates": rates(sizes, every)}
    ours = {arm.name: arm for arm in every}
    samples = 300 if sizes.name == "full" else 20
    result["wal"] = wal(ours["ward, async"], 50 * samples // 10)
    result["latency"] = {"idle": latency(ours["ward, async"], samples), "500 reads a second": under_load(ours["ward, async"], samples)}
    result["catch_up_s"] = {arm.name: round(max(arm.catch_up), 2) for arm in every if arm.catch_up}
    result["verify"] = verification(ours["ward, strict"], checks)
    checks.that("event to signed checkpoint, idle: p99 within 250 ms", result["latency"]["idle"]["p99_ms"] <= 250)
    checks.that(f"every arm did all of its work: {json.dumps(sorted(ours))}",
                all(one["tps"] > 0 for arms_of in result["rates"].values() for one in arms_of.values() if one))
    for arm in every:
        with arm.connect(database="postgres") as db:
            db.execute(f"DROP DATABASE {arm.database} WITH (FORCE)")
    return result
