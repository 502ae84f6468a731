"""Tables for docs/benchmarks.md and plots, from the results."""

import re
from pathlib import Path

from .settings import PROJECT

BEGIN, END = "<!-- figures: begin (made by bench/run.sh --publish) -->", "<!-- figures: end -->"


def table(head: list[str], rows: list[list]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.3f}" if microseconds < 10_000 else f"{microseconds / 1000:.1f}"


def spread(ratios: list[float]) -> str:
    return f"{min(ratios):.2f}–{max(ratios):.2f}"


def timed(result: dict, against: str) -> str:
    rows = [[name, arm, milliseconds(one["p50_us"]), milliseconds(one["p95_us"]), f"{one['ratio']:.2f}", spread(one["ratios"]),
             milliseconds(one["cpu_us"]) if "cpu_us" in one else "", f"{one['cpu_ratio']:.2f}" if "cpu_us" in one else ""]
            for name, arms in result.items() for arm, one in arms.items()]
    return table(["work", "arm", "p50 ms", "p95 ms", f"× {against}", "per repetition", "CPU ms", f"CPU × {against}"], rows)


def masked(result: dict) -> str:
    costs = [[name, f"{arms['ward, masked']['ratio']:.2f}", f"{arms['ward, masked'].get('cpu_ratio', float('nan')):.2f}",
              f"{arms['ward, cleared']['against_no_masks']:.2f}", f"{arms['ward, cleared']['cpu_against_no_masks'] or float('nan'):.2f}"]
             for name, arms in result.items() if "against_no_masks" in arms["ward, cleared"]]
    head = ["work", "masked × CASE", "CPU", "cleared × no masks", "CPU"]
    return table(head, costs) + "\n" + timed(result, "CASE")


def nearest(result: dict) -> str:
    result = dict(result)
    indexes = result.pop("indexes")
    rows = [[name, arm, milliseconds(one["p50_us"]), milliseconds(one["p95_us"]), f"{one['recall']:.3f}", f"{one['k_fill']:.0%}"]
            for name, arms in result.items() for arm, one in arms.items()]
    sizes = (f"\nThe shared index has {indexes['shared_index_bytes'] / 1e6:.1f} MB, the {indexes['own_indexes']} indexes of big "
             f"tenants together {indexes['own_index_bytes'] / 1e6:.1f} MB.\n")
    return table(["questions", "arm", "p50 ms", "p95 ms", "recall@10", "k filled"], rows) + sizes


def rates(result: dict) -> str:
    rows = [[f"`-M {mode}`", arm, f"{one['tps']:.0f}", f"{one['ratio']:.3f}", spread(one["ratios"]),
             f"{one['cpu_us']:.1f}", f"{one['cpu_ratio']:.3f}"]
            for mode, arms in result.items() for arm, one in arms.items()]
    return table(["pgbench -S", "arm", "tps", "× time", "per round", "CPU µs", "CPU ×"], rows)


def tokens(result: dict) -> str:
    rows = [[algorithm, name, f"{one['ward_us']:.2f}", f"{one['plain_us']:.2f}", f"{one['ward_us'] - one['plain_us']:.2f}"]
            for algorithm, ways in result["micro"].items() for name, one in ways.items()]
    micro = table(["token", "moment", "ward µs", "plain setting µs", "difference µs"], rows)
    rows = [[arm, milliseconds(one["p50_us"]), milliseconds(one["p95_us"]), f"{one['ratio']:.2f}"]
            for arm, one in result["transactions"].items()]
    return micro + "\n" + table(["transaction", "p50 ms", "p95 ms", "× RLS"], rows)


def counted(result: dict) -> str:
    rows = [[kind, mode, arm, f"{one['instructions']:,}", f"{one['ratio']:.3f}"]
            for mode, kinds in result.items() for kind, arms in kinds.items() for arm, one in arms.items()]
    return table(["statement", "mode", "arm", "instructions", "× first arm"], rows)


def audited(result: dict) -> str:
    rows = [[work, arm, f"{one['tps']:,}" if one else "not possible", f"{one['ratio']:.2f}" if one else "", spread(one["ratios"]) if one else ""]
            for work, arms in result["rates"].items() for arm, one in arms.items()]
    sooner = [[load, one["p50_ms"], one["p99_ms"], one["max_ms"]] for load, one in result["latency"].items()]
    wal, verify = result["wal"], result["verify"]
    rest = (f"\nWrite-ahead log per prepared read: {wal['record_bytes']} bytes, {wal['with_projection_bytes']} with the rows of the "
            f"projection. `ward.verify_audit()`: {verify['entries']:,} entries in {verify['seconds']} s, {verify['per_second']:,} a second. "
            f"Until all of a turn was sealed and projected, at most: "
            + ", ".join(f"{arm} {seconds} s" for arm, seconds in result["catch_up_s"].items()) + ".\n")
    computed = [[arm, one["cpu_us"], f"{one['ratio']:.2f}"] for arm, one in result["cpu"].items()]
    return (table(["pgbench", "arm", "tps", "× no audit", "per round"], rows) + "\n"
            + table(["prepared look-up, backend alone", "CPU µs", "×"], computed) + "\n"
            + table(["event → signed checkpoint", "p50 ms", "p99 ms", "max ms"], sooner) + rest)


SECTIONS = {
    "plain": ("Plain table, tenant and label", lambda result: timed(result, "hand-written")),
    "masks": ("Masked columns", masked),
    "derive": ("Derived rows", lambda result: timed(result, "first arm")),
    "watermark": ("The watermark", lambda result: timed(result, "untracked")),
    "partitions": ("One LIST partition per tenant", lambda result: timed(result, "ward")),
    "vectors": ("Nearest neighbours through one HNSW index", nearest),
    "unprotected": ("Unprotected tables", rates),
    "identity": ("Tokens", tokens),
    "audit": ("Audit", audited),
    "instructions": ("Instructions per statement", counted),
}


def tables(result: dict) -> str:
    about = result["about"]
    head = (f"Run of {about['date']}, sizes `{about['sizes']}`: PostgreSQL {about['postgresql']}, pgvector {about['pgvector']}, "
            f"{about['cpus']} × {about['cpu']}, shared_buffers {about['shared_buffers']}; load averages (1, 5, 15 min) "
            f"{about['load_before']} before and {about['load_after']} after.\n")
    parts = [f"### {title}\n\n{write(result[name])}" for name, (title, write) in SECTIONS.items() if result.get(name)]
    return "\n".join([head, *parts])


def publish(text: str) -> None:
    """Puts the tables between the marks in docs/benchmarks.md."""
    page = PROJECT / "docs" / "benchmarks.md"
    old = page.read_text()
    new = re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n\n{text}\n{END}", old, flags=re.S)
    page.write_text(new)


COLOURS = {"hand-written": "#7f8c8d", "hand-written, iterative": "#b2babb", "RLS": "#c0392b", "RLS, iterative": "#e59866",
           "RLS, InitPlan": "#f5b041", "ward": "#1f618d", "ward, own indexes": "#16a085"}


def plots(result: dict, folder: Path) -> None:
    """One small picture for each part that a picture helps."""
    import matplotlib
    matplotlib.use("agg")
    matplotlib.rcParams |= {"font.size": 9, "axes.spines.top": False,
                            "axes.spines.right": False}
    for part, title in (("plain", "Time relative to the hand-written condition"),
                        ("partitions", "Point look-up, one partition per tenant: p50 in ms (log scale)")):
        if result.get(part):
            field = "ratio" if part == "plain" else "p50_us"
            bars(result[part], field, title, folder / f"{part}.png")
    if result.get("vectors"):
        recall_and_time(result["vectors"], folder / "vectors.png")


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def bars(result: dict, field: str, title: str, path: Path) -> None:
    from matplotlib.figure import Figure
    figure = Figure(figsize=(8, 0.9 * len(result) + 1.2))
    axes = figure.subplots()
    arms = list(next(iter(result.values())))
    for number, arm in enumerate(arms):
        values = [one[arm][field] / (1000 if field == "p50_us" else 1) for one in result.values()]
        places = [place + (number - (len(arms) - 1) / 2) * 0.2 for place in range(len(result))]
        drawn = axes.barh(places, values, 0.18, color=COLOURS.get(arm, "#333333"), label=arm)
        axes.bar_label(drawn, fmt="%.2f", padding=2, fontsize=7)
    axes.set_yticks(range(len(result)), list(result))
    axes.invert_yaxis()
    # A logarithmic axis has no zero from which a bar could honestly start; it is used where factors are large.
    if field == "p50_us":
        axes.set_xscale("log")
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def recall_and_time(result: dict, path: Path) -> None:
    """Each cell a panel: up is recall, left is fast; a hollow mark did not always fill k."""
    from matplotlib.figure import Figure
    result = {name: arms for name, arms in result.items() if name != "indexes"}
    figure = Figure(figsize=(2.6 * len(result), 3.2))
    panels = figure.subplots(1, len(result), sharey=True)
    every = [one["p95_us"] / 1000 for arms in result.values() for one in arms.values()]
    limits = (min(1.0, *every), max(every))
    for axes, (name, arms) in zip(panels, result.items()):
        for arm, one in arms.items():
            colour = COLOURS.get(arm, "#333333")
            axes.plot(one["p95_us"] / 1000, one["recall"], "o", color=colour, label=arm,
                      markerfacecolor=colour if one["k_fill"] == 1 else "none")
        axes.set_xscale("log")
        axes.set_xlim(limits[0] / 1.5, limits[1] * 1.5)
        axes.set_xticks([1, 10, 100], ["1", "10", "100"])
        axes.set_ylim(0, 1.05)
        axes.set_title(name, fontsize=8)
        axes.set_xlabel("p95 ms")
    panels[0].set_ylabel("recall@10")
    panels[-1].legend(frameon=False, fontsize=7, loc="lower right")
    save(figure, path)
