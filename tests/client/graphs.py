"""Random graphs of derived tables, random statements over them, and the question that must find nothing.

Statements are drawn without looking at the rows: the same seed makes the same statements whether or not the tables
derive, so a control arm can run them, too.
"""

from dataclasses import dataclass, field

TENANTS = (1, 2)
PER_TENANT = 9  # rows of a table that a statement can name, per tenant
LABELS = ("public", "public", "public", "internal", "internal", "internal{hr}", "confidential", "confidential{pii}", "secret{pii,hr}")

# Nobody's rows: no session with a token sees them, so they may lag behind.
VISIBLE = "c.tenant_id IS NOT NULL AND NOT c.label OPERATOR(ward.@>) 'public{quarantine}'"


@dataclass
class Source:
    """A derivation: which table, by which columns of the child, and what follows a deletion."""

    table: "Table"
    columns: list[str]
    on_delete: str
    foreign_key: bool = False
    recorded: bool = False


@dataclass
class Table:
    name: str
    key: list[str]
    partitions: str | None = None
    owner: bool = False
    sources: list[Source] = field(default_factory=list)

    @property
    def named(self):
        return [source for source in self.sources if not source.recorded]


def draw(random):
    """Three to seven tables, each but the first made from one to three earlier ones."""
    tables = []
    owner = random.random() < 0.2
    for number in range(random.randint(3, 7)):
        leaf = number > 1 and random.random() < 0.3
        partitions = random.choice([None, None, "HASH (id)"] + ["LIST (tenant_id)"] * leaf)
        key = ["id", "part"] if partitions is None and random.random() < 0.25 else ["id"]
        table = Table(f"t{number}", key + ["tenant_id"] * (partitions == "LIST (tenant_id)"), partitions, owner)
        # A key that holds the tenant names no row for others.
        candidates = [other for other in tables if "tenant_id" not in other.key]
        for other in random.sample(candidates, min(len(candidates), random.choice([1, 1, 2, 3]))) if number else []:
            table.sources.append(draw_source(random, table, other))
        tables.append(table)
    return tables


def draw_source(random, table, other):
    if random.random() < 0.15 and "tenant_id" not in table.key and not any(source.recorded for source in table.sources):
        return Source(other, [], random.choice(["delete", "refuse", "quarantine"]), recorded=True)
    on_delete = random.choice(["delete", "delete", "refuse", "quarantine"])
    columns = [f"{other.name}_{name}" for name in other.key]
    return Source(other, columns, on_delete, foreign_key=on_delete != "quarantine" and random.random() < 0.3)


def create(tables, random):
    """The tables, unprotected and empty."""
    for table in tables:
        # Keys of other integer types are found as well.
        links = [f"{name} {random.choice(['int', 'int', 'bigint'])}" for source in table.named for name in source.columns]
        keys = [
            f"FOREIGN KEY ({', '.join(source.columns)}) REFERENCES {source.table.name} ({', '.join(source.table.key)}) "
            + ("ON DELETE CASCADE ON UPDATE CASCADE" if source.on_delete == "delete" else "ON UPDATE CASCADE")
            for source in table.named if source.foreign_key]
        columns = ["id int NOT NULL", "part int NOT NULL DEFAULT 1", f"tenant_id int{' NOT NULL' * ('tenant_id' in table.key)}", "label ward.label", "body text", *links,
                   *(["owner text"] * table.owner), f"PRIMARY KEY ({', '.join(table.key)})", *keys]
        yield f"CREATE TABLE {table.name} ({', '.join(columns)})" + (f" PARTITION BY {table.partitions}" if table.partitions else "")
        if table.partitions == "HASH (id)":
            for part in (0, 1):
                yield f"CREATE TABLE {table.name}_{part} PARTITION OF {table.name} FOR VALUES WITH (MODULUS 2, REMAINDER {part})"
        elif table.partitions:
            yield f"CREATE TABLE {table.name}_1 PARTITION OF {table.name} FOR VALUES IN (1)"
            # Its columns have other places than the parent's.
            reversed_columns = [one for one in reversed(columns) if not one.startswith(("PRIMARY", "FOREIGN"))]
            yield f"CREATE TABLE {table.name}_rest ({', '.join(reversed_columns)})"
            yield f"ALTER TABLE {table.name} ATTACH PARTITION {table.name}_rest DEFAULT"


def protect(tables):
    for table in tables:
        yield f"SELECT ward.protect('{table.name}'" + (", owner => 'owner')" if table.owner else ")")


def derive(tables):
    for table in tables:
        for source in table.sources:
            keys = ("" if source.recorded else
                    f", child_key => '{{{','.join(source.columns)}}}', parent_key => '{{{','.join(source.table.key)}}}'")
            yield f"SELECT ward.derive('{table.name}', '{source.table.name}', on_delete => '{source.on_delete}'{keys})"


def fill(tables, random, labels=LABELS):
    """Rows for every tenant, each made from rows of its own; in maintenance. They obey the rules only if labels are all alike."""
    for table in tables:
        for tenant in TENANTS:
            for number in range(1, PER_TENANT - 2):
                values = {"id": tenant * 100 + number, "tenant_id": tenant, "label": f"'{random.choice(labels)}'"}
                values |= {name: 1 if name.endswith("_part") else tenant * 100 + random.randint(1, PER_TENANT - 3)
                           for source in table.named for name in source.columns}
                values |= {"owner": "'alice'"} if table.owner else {}
                yield f"INSERT INTO {table.name} ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))})"


def question(tables):
    """Rows that break the rules, with what is wrong."""
    parts = []
    for table in tables:
        if table.named:
            parts.append(question_named(table))
        for source in table.sources:
            if source.recorded:
                parts.append(question_recorded(table, source))
    return " UNION ALL ".join(parts)


def wrong(child, source, owner):
    """What is wrong between a row and one of its sources, as text; empty if nothing is."""
    same_owner = f"CASE WHEN {child}.owner IS DISTINCT FROM {source}.owner THEN 'owner' END," if owner else ""
    return (f"concat_ws(' ', CASE WHEN {source}.label IS NULL AND {child}.label IS NOT NULL THEN 'labelled, source is not' END,"
            f" CASE WHEN NOT {child}.label OPERATOR(ward.@>) {source}.label THEN 'low' END, {same_owner}"
            f" CASE WHEN {child}.tenant_id IS DISTINCT FROM {source}.tenant_id THEN 'tenant' END)")


def question_named(table):
    joins, problems, labelled, unlabelled = [], [], [], []
    for number, source in enumerate(table.named):
        alias = f"p{number}"
        pairs = " AND ".join(f"{alias}.{name} = c.{column}" for name, column in zip(source.table.key, source.columns))
        named = " AND ".join(f"c.{column} IS NOT NULL" for column in source.columns)
        joins.append(f"LEFT JOIN {source.table.name} {alias} ON {pairs}")
        problems.append(f"CASE WHEN {named} AND {alias}.id IS NULL THEN 'dangling {source.table.name}' "
                        f"WHEN {alias}.id IS NOT NULL THEN nullif('{source.table.name} ' || {wrong('c', alias, table.owner)}, '{source.table.name} ') END")
        labelled.append(f"{alias}.label IS NOT NULL")
        unlabelled.append(f"({alias}.id IS NOT NULL AND {alias}.label IS NULL)")
    none = "NULL"
    if len(table.named) == len(table.sources):
        none = (f"CASE WHEN c.label IS NULL AND ({' OR '.join(labelled)}) AND NOT ({' OR '.join(unlabelled)}) THEN 'no label' END")
    return (f"SELECT '{table.name}' AS child, to_jsonb(c) AS row, problem FROM {table.name} c {' '.join(joins)}, "
            f"LATERAL concat_ws('; ', {none}, CASE WHEN {VISIBLE} THEN concat_ws('; ', {', '.join(problems)}) END) AS problem WHERE problem <> ''")


def question_recorded(table, source):
    def key(alias, of):
        return "jsonb_build_object(" + ", ".join(f"'{name}', {alias}.{name}" for name in of.key) + ")"
    return (f"SELECT '{table.name}', to_jsonb(c), problem FROM ward.lineage l JOIN {table.name} c ON l.output_key = {key('c', table)} "
            f"LEFT JOIN {source.table.name} p ON l.source_key = {key('p', source.table)}, "
            f"LATERAL (SELECT CASE WHEN p.id IS NULL THEN 'dangling record' ELSE {wrong('c', 'p', table.owner)} END) AS x(problem) "
            f"WHERE l.output = '{table.name}'::regclass AND l.source = '{source.table.name}'::regclass AND problem <> '' AND {VISIBLE}")
