"""Further throw-away clusters, for tests that need other settings than the one they run against, or that end badly."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from harness import HERE

SCRIPT = HERE.parent.parent / "scripts" / "cluster.sh"
PROGRAMS = Path(os.environ["WARD_PG_CONFIG"]).parent
# PostgreSQL does not run as root.
AS_POSTGRES = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


def postgres_run(program, *arguments, **options):
    """Runs one of the server's programs as whoever owns the clusters."""
    options = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"} | options
    return subprocess.run([*AS_POSTGRES, PROGRAMS / program, *arguments], **options)


class Server:
    """A cluster with these lines added to its configuration; it lives as long as the `with` block."""

    def __init__(self, name, *settings):
        self.name, self.settings = f"{name}-{os.getpid()}", settings

    def __enter__(self):
        # The server inherits the output: nobody may wait for that to end.
        subprocess.run([SCRIPT, "start", self.name, *self.settings], check=True, stdout=subprocess.DEVNULL)
        shown = self.script("env")
        self.address = {"host": re.search(r"PGHOST=(\S+)", shown)[1], "port": re.search(r"PGPORT=(\S+)", shown)[1]}
        self.home = Path(self.address["host"]).parent
        self.data = self.home / "data"
        return self

    def __exit__(self, *_):
        self.script("stop")

    def script(self, action):
        return subprocess.run([SCRIPT, action, self.name], check=True, stdout=subprocess.PIPE, text=True).stdout

    def connect(self, dbname="postgres", user="postgres", **options):
        return psycopg.connect(dbname=dbname, user=user, autocommit=True, **(self.address | options))

    def log(self):
        return (self.home / "log").read_text(errors="replace")

    def stop(self, mode="fast"):
        postgres_run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def start(self, *options, wait=True):
        """`options` are settings `name=value` for this run alone."""
        line = " ".join(f"-c {option}" for option in options)
        try:
            postgres_run("pg_ctl", "-D", self.data, "-l", self.home / "log", "-o", line, "-w" if wait else "-W", "-t", "60", "start")
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"the server does not start:\n{self.log()[-2000:]}") from error

    def restart(self, *options):
        self.stop()
        self.start(*options)

    def processes(self):
        """The postmaster first, then its children. One that has just been started may not have written its number yet."""
        deadline = time.monotonic() + 10
        while True:
            try:
                postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
                break
            except (FileNotFoundError, IndexError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        return [postmaster, *(pid for pid, parent, _ in running() if parent == postmaster)]

    def child(self, title):
        """The process of this server with that title, such as a background worker; None if there is none."""
        for pid in self.processes()[1:]:
            try:
                if title in Path(f"/proc/{pid}/cmdline").read_text():
                    return pid
            except OSError:  # it ended meanwhile
                pass
        return None

    def kill(self):
        """What a machine that loses its power does to processes: all at once, nobody gets to say goodbye."""
        pids = self.processes()
        for pid in pids:
            send(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while {pid for pid, _, state in running() if state != "Z"} & set(pids):
            assert time.monotonic() < deadline, "processes do not die"
            time.sleep(0.01)
        # Nobody is left, though nobody may have collected the postmaster yet: its successor must not take that for life.
        for lock in (self.data / "postmaster.pid", *(self.home / "socket").glob("*.lock")):
            lock.unlink()


class Standby(Server):
    """A physical standby of another of these servers."""

    def __init__(self, primary, *settings):
        super().__init__(f"{primary.name}-standby", *settings)
        self.primary = primary

    def __enter__(self):
        self.home = self.primary.home.parent / self.name
        self.data = self.home / "data"
        (self.home / "socket").mkdir(parents=True)
        if AS_POSTGRES:
            subprocess.run(["chown", "-R", "postgres", self.home], check=True)
        self.address = self.primary.address | {"host": str(self.home / "socket")}
        postgres_run("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-U", "postgres",
                     "-h", self.primary.address["host"], "-p", self.primary.address["port"])
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([f"unix_socket_directories = '{self.home}/socket'", *self.settings, ""]))
        self.start()
        return self

    def promote(self):
        postgres_run("pg_ctl", "-D", self.data, "-w", "promote")


def running():
    """(pid, parent, state) of every process of this machine (proc(5), `stat`)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:  # it ended meanwhile
                continue
            found.append((int(entry.name), int(parent), state))
    return found


def send(pid, number):
    """A signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
