"""Runs the parts, prints tables, writes the results. See run.sh."""

import argparse
import datetime
import json
import os
import platform
import sys
import time

from . import audit, data, derive, identity, instructions, masks, partitions, plain, report, server, unprotected, vectors, watermark
from .measure import INSIDE, Checks, load
from .settings import FULL, OUT, QUICK, RESULTS

# What is least disturbed by a machine that has not yet come to rest comes first.
PARTS = ("instructions", "vectors", "partitions", "plain", "masks", "derive", "watermark", "identity", "unprotected", "audit")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("--quick", action="store_true", help="small data, one repetition: a smoke check")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas: " + ", ".join(PARTS))
    parser.add_argument("--publish", action="store_true", help="keep the figures in bench/results and docs/benchmarks.md")
    parser.add_argument("--keep", action="store_true", help="leave the databases, to look into a result")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    wanted = [part for part in PARTS if part in options.only.split(",")]
    if not wanted:
        parser.error("--only names no part")

    checks, mint = Checks(), server.Mint()
    result = {"about": about(sizes)}
    build(sizes, mint, wanted, result)
    for part in wanted:
        step(f"Measure: {part} (load {load()})")
        result[part] = measure(part, sizes, mint, checks, result)
    del result["data"]
    result["about"]["load_after"] = load()

    tables = report.tables(result)
    print("\n" + tables)
    folder = RESULTS if options.publish else OUT / "results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{sizes.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    report.plots(result, folder)
    if options.publish:
        report.publish(tables)
    print(f"results: {folder}")
    if not options.keep:
        clean()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


def step(text: str) -> None:
    print(f"==> {text}", flush=True)


def about(sizes) -> dict:
    with server.connect("postgres") as connection:
        version = connection.execute("SELECT current_setting('server_version')").fetchone()[0]
        vector = connection.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'").fetchone()
        buffers = connection.execute("SHOW shared_buffers").fetchone()[0]
    with open("/proc/cpuinfo") as cpu:
        model = next((line.split(":")[1].strip() for line in cpu if line.startswith("model name")), platform.machine())
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"), "sizes": sizes.name,
        "postgresql": version, "pgvector": vector[0] if vector else None, "shared_buffers": buffers,
        "cpu": model, "cpus": os.cpu_count(), "load_before": load(),
    }


def build(sizes, mint: server.Mint, wanted: list[str], result: dict) -> None:
    """The data of the wanted parts, once, then its copy under ward."""
    start = time.monotonic()
    step("Make the data")
    server.recreate(server.NATIVE)
    server.admin(server.NATIVE, INSIDE)
    tables = {}
    result["data"] = None
    if {"plain", "identity"} & set(wanted):
        data.plain(sizes)
        tables |= {"customers": "", "items": ""}
    if "partitions" in wanted:
        data.partitions(sizes)
        tables["parts"] = ""
    if "vectors" in wanted:
        result["data"] = data.make_vectors(sizes)
        data.vectors(sizes, result["data"])
        tables["docs"] = ", label => NULL"
    if "masks" in wanted:
        masks.make(sizes)
    if "derive" in wanted:
        derive.make(sizes)
    if "watermark" in wanted:
        watermark.make(sizes)
    server.copy_for_ward(mint, tables)
    result["about"]["build_s"] = round(time.monotonic() - start)


def measure(part: str, sizes, mint: server.Mint, checks: Checks, result: dict) -> dict:
    module = {"plain": plain, "partitions": partitions, "vectors": vectors, "unprotected": unprotected,
              "masks": masks, "derive": derive, "watermark": watermark, "identity": identity, "instructions": instructions,
              "audit": audit}[part]
    more = (result["data"],) if part == "vectors" else ()
    return module.run(sizes, mint, checks, *more)


def clean() -> None:
    for database in (server.INDEXED, server.WARD, server.NATIVE, unprotected.PLAIN, unprotected.ELSEWHERE):
        server.admin("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


sys.exit(main())
