"""Further throw-away clusters, for tests that need other settings than the one they run against."""

import os
import re
import subprocess

import psycopg
from harness import HERE

SCRIPT = HERE.parent.parent / "scripts" / "cluster.sh"


class Server:
    """A cluster with these lines added to its configuration; it lives as long as the `with` block."""

    def __init__(self, name, *settings):
        self.name, self.settings = f"{name}-{os.getpid()}", settings

    def __enter__(self):
        # The server inherits the output: nobody may wait for that to end.
        subprocess.run([SCRIPT, "start", self.name, *self.settings], check=True, stdout=subprocess.DEVNULL)
        shown = self.script("env")
        self.address = {"host": re.search(r"PGHOST=(\S+)", shown)[1], "port": re.search(r"PGPORT=(\S+)", shown)[1]}
        return self

    def __exit__(self, *_):
        self.script("stop")

    def script(self, action):
        return subprocess.run([SCRIPT, action, self.name], check=True, stdout=subprocess.PIPE, text=True).stdout

    def connect(self, dbname="postgres", user="postgres", **options):
        return psycopg.connect(dbname=dbname, user=user, autocommit=True, **self.address, **options)
