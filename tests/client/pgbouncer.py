"""A real PgBouncer in front of the test cluster, on its own Unix socket, configured as docs/recipes.md says."""

import configparser
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

BINARY = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
PORT = 6432


def version():
    text = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", text).groups())


def keeps_prepared_statements():
    """Protocol-level prepared statements in transaction mode: since PgBouncer 1.21."""
    return version() >= (1, 21)


class PgBouncer:
    """Runs while the `with` block does."""

    def __init__(self, dbname, recipe, server_connections=3):
        # Its socket and files are the server account's: PgBouncer does not run as root.
        self.folder = Path(tempfile.mkdtemp(prefix="ward-pgbouncer-"))
        config = configparser.ConfigParser(interpolation=None)
        config.read_string(recipe)
        config["databases"] = {"app": f"host={os.environ['PGHOST']} port={os.environ['PGPORT']} dbname={dbname} user=app"}
        config["pgbouncer"].update({
            "listen_addr": "", "listen_port": str(PORT), "unix_socket_dir": str(self.folder), "auth_type": "any",
            "default_pool_size": str(server_connections), "max_client_conn": "200", "logfile": str(self.folder / "log"),
        })
        if keeps_prepared_statements():
            config["pgbouncer"]["max_prepared_statements"] = "100"
        with open(self.folder / "pgbouncer.ini", "w") as file:
            config.write(file)

    def __enter__(self):
        command = [BINARY, "-q", str(self.folder / "pgbouncer.ini")]
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            command = ["runuser", "-u", "postgres", "--", *command]
        self.process = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.connect().close()
                return self
            except psycopg.OperationalError:
                time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("PgBouncer does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)

    @property
    def address(self):
        return {"host": str(self.folder), "port": PORT, "dbname": "app", "user": "app"}

    def connect(self, **options):
        # psycopg's own prepared statements, where this PgBouncer cannot keep them apart, are switched off (see the recipe).
        db = psycopg.connect(**self.address, autocommit=True, **options)
        db.prepare_threshold = 3 if self.prepares else None
        return db

    @property
    def prepares(self):
        """With libpq 17 psycopg may close prepared statements; before, a pooler cannot follow it."""
        return keeps_prepared_statements() and psycopg.capabilities.has_send_close_prepared()
