"""Connections, tokens, and the two copies of the data.

Everything is built once in the database NATIVE and copied file by file into WARD (CREATE DATABASE … TEMPLATE), so
that both have the same pages, the same statistics and the very same vector index. INDEXED is a copy of WARD with
vector indexes of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import psycopg

NATIVE, WARD, INDEXED = "ward_bench_native", "ward_bench", "ward_bench_indexed"
ISSUER, AUDIENCE = "https://login.example.com", "bench"
CLEARANCE = "confidential"
SETTINGS = "-c jit=off -c max_parallel_workers_per_gather=0 -c client_min_messages=warning"

BARE_HOST = os.environ.get("WARD_BENCH_BARE")
BARE_PORT = os.environ.get("WARD_BENCH_BARE_PORT", os.environ.get("PGPORT", "5432"))


def connect(database: str, user: str | None = None, autocommit: bool = True) -> psycopg.Connection:
    """A connection to the server with ward. Nothing is prepared unless a call says so."""
    user = user or os.environ.get("PGUSER", "postgres")
    connection = psycopg.connect(dbname=database, user=user, options=SETTINGS, autocommit=autocommit)
    # None would turn prepared statements off even where a call asks for one.
    connection.prepare_threshold = sys.maxsize
    return connection


def admin(database: str, *statements: str) -> None:
    """Runs statements as the superuser, one by one."""
    with connect(database) as connection:
        for statement in statements:
            connection.execute(statement)


class Mint:
    """Signs tokens as a login service would."""

    def __init__(self) -> None:
        self.keys = tempfile.TemporaryDirectory()
        self.program = os.environ["WARD_MINT"]
        for algorithm, name in (("ES256", "e1"), ("RS256", "r1")):
            self._run("keygen", "--alg", algorithm, "--kid", name, "--out", self.keys.name)

    def _run(self, *arguments: str) -> str:
        return subprocess.run([self.program, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    def jwks(self) -> str:
        return (Path(self.keys.name) / "jwks.json").read_text()

    @lru_cache(maxsize=None)  # noqa: B019: one mint per run
    def token(self, tenant: int, subject: str = "bench", algorithm: str = "ES256", number: int = 0,
              clearance: str = CLEARANCE) -> str:
        """A token for one tenant; `number` tells tokens of the same person apart."""
        name = {"ES256": "e1", "RS256": "r1"}[algorithm]
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "tenant": str(tenant), "clearance": clearance,
                  "jti": f"{tenant}-{subject}-{algorithm}-{number}"}
        return self._run("sign", "--key", f"{self.keys.name}/{name}.pem", "--alg", algorithm, "--kid", name,
                         "--ttl", "14400", "--claims", json.dumps(claims))


def literal(text: str) -> str:
    """A text as an SQL literal; for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def trust(mint: Mint) -> str:
    """The call that makes ward trust the mint."""
    return f"SELECT ward.trust_issuer({literal(ISSUER)}, {literal(AUDIENCE)}, {literal(mint.jwks())})"


def recreate(*databases: str) -> None:
    """Empty databases with both extensions, and the roles of the native arms."""
    admin("postgres", *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in (INDEXED, WARD, *databases)))
    with connect("postgres") as connection:
        for role in ("bench_app", "bench_bare", "bench_initplan"):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                connection.execute(f"CREATE ROLE {role} LOGIN")
        for name in databases:
            connection.execute(f"CREATE DATABASE {name}")
    for name in databases:
        admin(name, "CREATE EXTENSION ward", "CREATE EXTENSION vector",
              "GRANT USAGE ON SCHEMA ward TO PUBLIC")


def native_policies(table: str, label: bool) -> list[str]:
    """Row security as people write it: current_setting() bare for one role, as an InitPlan for the other."""
    def condition(before: str, after: str) -> str:
        tenant = f"tenant_id = {before}current_setting('app.tenant')::int{after}"
        return tenant + f" AND label OPERATOR(ward.<@) {before}current_setting('app.clearance')::ward.label{after}" * label
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY bare ON {table} TO bench_bare USING ({condition('', '')})",
        f"CREATE POLICY initplan ON {table} TO bench_initplan USING ({condition('(SELECT ', ')')})",
        f"GRANT SELECT ON {table} TO bench_app, bench_bare, bench_initplan",
    ]


def copy_for_ward(mint: Mint, tables: dict[str, str]) -> None:
    """Copies NATIVE to WARD and protects the tables there (`tables`: name → further arguments of ward.protect)."""
    admin("postgres", f"DROP DATABASE IF EXISTS {WARD} WITH (FORCE)",
          f"CREATE DATABASE {WARD} TEMPLATE {NATIVE} STRATEGY file_copy")
    statements = [trust(mint)]
    for table, arguments in tables.items():
        statements += [f"DROP POLICY bare ON {table}", f"DROP POLICY initplan ON {table}",
                       f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
                       f"SELECT ward.protect('{table}'{arguments})"]
    admin(WARD, *statements)


def copy_indexed(drop: str, create: list[str]) -> None:
    """Copies WARD to INDEXED, with other indexes."""
    admin("postgres", f"CREATE DATABASE {INDEXED} TEMPLATE {WARD} STRATEGY file_copy")
    admin(INDEXED, "SET maintenance_work_mem = '1GB'", f"DROP INDEX {drop}", *create)
