"""Random statements over the tables of `graphs`: everything that writes rows, with keys and labels of all kinds."""

import json

from graphs import LABELS, PER_TENANT, TENANTS


class Copy(str):
    """A COPY statement and the line that it is fed."""

    line = ""


class Writer:
    """Draws statements, mostly about rows of one tenant."""

    def __init__(self, random, tables, tenant, steward):
        self.random, self.tables, self.tenant, self.steward = random, tables, tenant, steward

    def statement(self):
        kinds = ["insert", "insert", "rows", "select", "copy", "upsert", "merge", "update", "update", "update", "relabel", "relabel",
                 "relabel", "move", "move", "rekey", "delete", "both", "block", "joined", "record"]
        if self.steward:
            kinds += ["declassify", "quarantine", "release", "release", "retenant", "unlabel", "empty", "refill", "refill", "refill"]
        kind = self.random.choice(kinds)
        return kind, getattr(self, kind)(self.random.choice(self.tables))

    # values, as SQL

    def number(self):
        """Mostly the key of a row of our tenant."""
        tenant = self.tenant if self.random.random() < 0.9 else self.random.choice(TENANTS)
        return tenant * 100 + self.random.randint(1, PER_TENANT)

    def label(self):
        if self.random.random() < 0.1:
            return "NULL"
        if self.steward and self.random.random() < 0.03:
            return "'internal{quarantine}'"
        return f"'{self.random.choice(LABELS)}'"

    def link(self, column):
        if self.random.random() < 0.06:
            return "NULL"
        return "1" if column.endswith("_part") else str(self.number())

    def links(self, table, all_of_them=True):
        return {column: self.link(column) for source in table.named for column in source.columns
                if all_of_them or self.random.random() < 0.5}

    def values(self, table):
        values = {"id": self.number(), "part": 1 if self.random.random() < 0.9 else 2} | self.links(table, self.random.random() < 0.9)
        if self.random.random() < 0.6:
            values["label"] = self.label()
        if self.random.random() < 0.3 or self.steward or "tenant_id" in table.key:
            values["tenant_id"] = self.tenant if self.random.random() < 0.8 else self.random.choice(["NULL", *TENANTS])
        if table.owner and self.random.random() < 0.4:
            values["owner"] = self.random.choice(["'alice'", "'alice'", "NULL", "'bob'"])
        return values

    def changes(self, table):
        options = [{"label": self.label()}, {"label": self.label()}, {"body": "md5(random()::text)"}]
        if table.named:
            options += [self.links(table, False) or {"body": "'same'"}] * 2
        changes = self.random.choice(options)
        if self.random.random() < 0.2:
            changes = changes | self.random.choice(options)
        return ", ".join(f"{name} = {value}" for name, value in changes.items())

    def some(self, alias=""):
        """Which rows: one, a few, rarely all of a tenant."""
        first = self.number()
        if self.random.random() < 0.6:
            return f"{alias}id = {first}"
        return f"{alias}id BETWEEN {first} AND {first + self.random.randint(1, 4)}"

    def source(self, table):
        """A table that others are made from, if there is one."""
        parents = [source.table for other in self.tables for source in other.sources]
        return self.random.choice(parents or [table])

    # statements

    def insert(self, table):
        values = self.values(table)
        returning = self.random.choice(["", " RETURNING label", " ON CONFLICT DO NOTHING"])
        return f"INSERT INTO {table.name} ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))}){returning}"

    def rows(self, table):
        first = self.values(table)
        lines = []
        for _ in range(self.random.randint(2, 4)):
            line = first | {"id": self.number()} | {name: self.link(name) for name in first if name.startswith("t") and "_" in name and name != "tenant_id"}
            lines.append(f"({', '.join(map(str, line.values()))})")
        return f"INSERT INTO {table.name} ({', '.join(first)}) VALUES {', '.join(lines)} ON CONFLICT DO NOTHING"

    def select(self, table):
        """From another table, whose rows have labels of their own."""
        values = self.values(table)
        other = self.random.choice(self.tables)
        taken = {name: f"x.{self.random.choice(['id', 'id', name]) if name in ('id', 'label') else 'id'}"
                 for name in values if name == "id" or (name.endswith("_id") and name != "tenant_id")}
        if "label" in values and self.random.random() < 0.3:
            taken["label"] = "x.label"
        values = values | taken
        return (f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(map(str, values.values()))} "
                f"FROM {other.name} x WHERE {self.some('x.')} ON CONFLICT DO NOTHING")

    def copy(self, table):
        values = self.values(table)
        text = Copy(f"COPY {table.name} ({', '.join(values)}) FROM STDIN")
        text.line = "\t".join("\\N" if str(value) == "NULL" else str(value).strip("'") for value in values.values()) + "\n"
        return text

    def upsert(self, table):
        values = self.values(table)
        update = self.random.choice([self.changes(table), ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("id", "tenant_id"))])
        return (f"INSERT INTO {table.name} AS c ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))}) "
                f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {update}")

    def merge(self, table):
        values = self.values(table)
        matched = self.random.choice([f"UPDATE SET {self.changes(table)}", "DELETE", "DO NOTHING"])
        values["id"] = "v.id"
        return (f"MERGE INTO {table.name} c USING (VALUES ({self.number()}), ({self.number()})) v(id) ON c.id = v.id "
                f"WHEN MATCHED THEN {matched} "
                f"WHEN NOT MATCHED THEN INSERT ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))})")

    def update(self, table):
        return f"UPDATE {table.name} SET {self.changes(table)} WHERE {self.some()}"

    def relabel(self, table):
        return f"UPDATE {self.source(table).name} SET label = {self.label()} WHERE {self.some()}"

    def unlabel(self, table):
        return f"UPDATE {self.source(table).name} SET label = NULL WHERE {self.some()}"

    def refill(self, table):
        """Sources for all, so that there is always something to make rows from."""
        table = self.random.choice([one for one in self.tables if not one.sources])
        values = {"id": "n", "tenant_id": self.tenant, "label": "'public'"} | ({"owner": "'alice'"} if table.owner else {})
        update = ", ".join(f"{name} = coalesce(c.{name}, excluded.{name})" for name in values if name != "id")
        return (f"INSERT INTO {table.name} AS c ({', '.join(values)}) SELECT {', '.join(map(str, values.values()))} "
                f"FROM generate_series({self.tenant * 100 + 1}, {self.tenant * 100 + PER_TENANT}) n "
                f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {update}")

    def retenant(self, table):
        value = self.random.choice([*TENANTS, *TENANTS, "NULL"])
        return f"UPDATE {self.source(table).name} SET tenant_id = {value} WHERE id = {self.number()}"

    def move(self, table):
        """To other sources."""
        links = self.links(table, False) or {"body": "'x'"}
        return f"UPDATE {table.name} SET {', '.join(f'{name} = {value}' for name, value in links.items())} WHERE {self.some()}"

    def rekey(self, table):
        table = self.source(table)
        column = self.random.choice([name for name in table.key if name != "tenant_id"])
        value = self.random.choice([1, 2]) if column == "part" else self.number()
        return f"UPDATE {table.name} SET {column} = {value} WHERE id = {self.number()}"

    def delete(self, table):
        return f"DELETE FROM {table.name} WHERE {self.some()}"

    def empty(self, table):
        """Rarely works, since it reaches everything that was made from the table."""
        return f"TRUNCATE {self.tables[-1].name}" if self.random.random() < 0.1 else self.delete(table)

    def both(self, table):
        """A source changes and a row is made from it, in one statement."""
        first, second = self.random.choice([(self.relabel, self.insert), (self.delete, self.insert), (self.insert, self.relabel),
                                            (self.relabel, self.update), (self.rekey, self.insert), (self.move, self.relabel)])
        text = second(table)
        return f"WITH x AS ({first(self.source(table)).removesuffix(' RETURNING label')}) {text}"

    def block(self, table):
        """Statements of which some are undone by an exception."""
        body = "".join(f"{self.random.choice([self.relabel, self.insert, self.move, self.update, self.delete])(table)};"
                       .replace(" RETURNING label", "") for _ in range(2))
        after = self.insert(table).replace(" RETURNING label", "")
        fail = self.random.choice(["", "PERFORM 1 / 0;"])
        return f"DO $$ BEGIN BEGIN {body} {fail} EXCEPTION WHEN division_by_zero THEN {after}; END; END $$"

    def joined(self, table):
        other = self.random.choice(self.tables)
        column = self.random.choice([column for source in table.named for column in source.columns] or ["part"])
        value = self.random.choice(["x.id", "x.id", "c.part"]) if column.endswith("_id") else "x.part"
        return f"UPDATE {table.name} c SET {column} = {value}, label = {self.label()} FROM {other.name} x WHERE x.id = c.id AND {self.some('x.')}"

    def record(self, table):
        """Names sources row by row, where that is declared."""
        declared = [(other, source) for other in self.tables for source in other.sources if source.recorded]
        if not declared:
            return self.relabel(table)
        output, source = self.random.choice(declared)

        def key(of):
            return {"id": self.number()} | ({"part": 1} if "part" in of.key else {})
        sources = [{"relation": source.table.name, "key": key(source.table)} for _ in range(self.random.randint(1, 3))]
        return f"SELECT ward.record_lineage('{output.name}', '{json.dumps(key(output))}', '{json.dumps(sources)}')"

    def steer(self, call, table, *more):
        table = self.source(table) if self.random.random() < 0.7 else table
        key = {"id": self.number()} | ({"part": 1} if "part" in table.key else {})
        more = "".join(f"'{one}', " for one in more)
        return f"SELECT ward.{call}('{table.name}', '{json.dumps(key)}', {more}'test')"

    def declassify(self, table):
        return self.steer("declassify", table, self.random.choice(LABELS))

    def quarantine(self, table):
        return self.steer("quarantine", table)

    def release(self, table):
        return self.steer("release", table)
