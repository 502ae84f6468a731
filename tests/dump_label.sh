#!/usr/bin/env bash
# Labels and custom categories across sessions, and through pg_dump and pg_restore into other databases of a
# throw-away cluster.
#   tests/dump_label.sh
. "$(dirname "$0")/../scripts/lib.sh"
. "$(dirname "$0")/../scripts/pg.sh"

with_cluster dump-label
work=$(mktemp -d)
on_exit 'rm -rf "$work"'

passed=0 failed=0
# same WHAT EXPECTED ACTUAL
same() {
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'not ok: %s\n  expected: %s\n  actual:   %s\n' "$1" "$2" "$3"
  fi
}

# sql DATABASE TEXT: what it answers; of an error the first line.
sql() { psql -XqAt -d "$1" -c "$2" 2>&1 | sed '/^ERROR/q'; }

# One session that stays: ask TEXT is what it answers, of an error the first line.
ask() {
  local line answer=
  printf '%s;\n\\echo end\n' "$1" >&"${session[1]}"
  while read -r -t 10 line <&"${session[0]}" && [ "$line" != end ]; do answer=${answer:-$line}; done
  echo "$answer"
}

step "Labels in several sessions" "read the lines that say: not ok"
createdb source
sql source "CREATE EXTENSION ward; SELECT ward.define_category('apollo')" >/dev/null
coproc session { exec psql -XqAt -d source 2>&1; }
same "a name that nobody defined" 'ERROR:  unknown category "zeus" at position 10' "$(ask "SELECT 'internal{zeus}'::ward.label")"
same "a name defined before" 'internal{x0}' "$(ask "SELECT 'internal{apollo}'::ward.label")"
sql source "SELECT ward.define_category('zeus')" >/dev/null
same "a name defined since" 'internal{x1}' "$(ask "SELECT 'internal{zeus}'::ward.label")"
sql source "BEGIN; SELECT ward.define_category('ghost'); ROLLBACK" >/dev/null
same "a definition rolled back" 'ERROR:  unknown category "ghost" at position 10' "$(ask "SELECT 'internal{ghost}'::ward.label")"
ask '\q' >/dev/null

jobs=()
for n in 1 2 3 4 5 6 7 8; do
  sql source "SELECT ward.define_category('at_once_$n')" >"$work/$n" &
  jobs+=($!)
done
wait "${jobs[@]}"
same "numbers given at once" "2 3 4 5 6 7 8 9" "$(sort -n "$work"/[1-8] | xargs)"

step "Labels through pg_dump" "read the lines that say: not ok"
psql -Xq -v ON_ERROR_STOP=1 -d source <<'SQL'
SET search_path = public, ward;
CREATE TABLE docs (id int PRIMARY KEY, label label DEFAULT 'internal{apollo}' CHECK (label <@ 'secret{apollo,zeus,pii}'));
INSERT INTO docs SELECT n, CASE n % 6 WHEN 1 THEN 'public' WHEN 2 THEN 'internal{apollo}' WHEN 3 THEN 'secret{zeus,pii}' WHEN 4 THEN 'restricted{zeus}' WHEN 5 THEN 'confidential{pii}' END::label
  FROM generate_series(1, 600) n;
CREATE INDEX docs_label ON docs (label);
CREATE INDEX docs_hash ON docs USING hash (label) WHERE label @> 'public{zeus}';
CREATE INDEX docs_level ON docs (level(label));
CREATE VIEW apollo AS SELECT id FROM docs WHERE label <@ 'secret{apollo}';
CREATE MATERIALIZED VIEW joined AS SELECT level(label), join_labels(label) AS label FROM docs GROUP BY 1;
CREATE POLICY seen ON docs USING (label <@ 'confidential{apollo,pii}');
CREATE TABLE parted (label label) PARTITION BY LIST (label);
CREATE TABLE parted_apollo PARTITION OF parted FOR VALUES IN ('internal{apollo}');
CREATE TABLE parted_other PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT label FROM docs;
CREATE FUNCTION fixed(label DEFAULT 'internal{zeus}') RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT $1 <@ 'internal{zeus}'; END;
CREATE TYPE tagged AS (label label, note text);
CREATE TABLE nested (labels label[], one tagged);
INSERT INTO nested VALUES (ARRAY['secret{zeus,pii}', NULL, 'public']::label[], ROW('internal{apollo,pii}', 'a,b'));
SQL

# stored DATABASE: every label in its binary form.
stored() {
  sql "$1" "SELECT id, ward_internal.label_send(label) FROM docs ORDER BY id" | sha256sum
  sql "$1" "SELECT tableoid::regclass, ward_internal.label_send(label), count(*) FROM parted GROUP BY 1, 2 ORDER BY 1::text, 2"
  sql "$1" "SELECT level, ward_internal.label_send(label) FROM joined ORDER BY 1"
  sql "$1" "SELECT ward_internal.label_send(l) FROM nested, unnest(labels || (one).label) l"
}
# definitions DATABASE: the schema as pg_dump writes it. Newer releases enclose it in a random key.
definitions() { pg_dump --schema-only "$1" | sed '/^.\(un\)\?restrict /d'; }

for target in plain custom without_names; do createdb "$target"; done
pg_dump source >"$work/plain.sql"
psql -Xq -v ON_ERROR_STOP=1 -d plain -f "$work/plain.sql" >/dev/null
pg_dump -Fc source >"$work/custom.dump"
pg_restore -d custom --exit-on-error --jobs 2 "$work/custom.dump"
# Control arm: a restore that leaves the names of categories out.
pg_dump --exclude-table-data=ward_internal.category source | psql -Xq -v ON_ERROR_STOP=1 -d without_names >/dev/null

same "the test stores labels" 600 "$(sql source 'SELECT count(*) FROM docs')"
for target in plain custom without_names; do
  same "$target: stored labels" "$(stored source)" "$(stored "$target")"
  same "$target: definitions" "$(definitions source)" "$(definitions "$target")"
  same "$target: the default" 'internal{x0}' "$(sql "$target" "INSERT INTO docs VALUES (0) RETURNING label")"
done
for target in plain custom; do
  same "$target: categories" "$(sql source 'TABLE ward_internal.category ORDER BY 2')" "$(sql "$target" 'TABLE ward_internal.category ORDER BY 2')"
  same "$target: a name is known" 'internal{x1}' "$(sql "$target" "SELECT 'internal{zeus}'::ward.label")"
  same "$target: the next number" 10 "$(sql "$target" "SELECT ward.define_category('after_restore')")"
done
same "without names a name is not known" 'ERROR:  unknown category "zeus" at position 10' "$(sql without_names "SELECT 'internal{zeus}'::ward.label")"
# Labels are dumped canonically: with the numbers of custom categories, never with their names.
same "labels in the dump that name a defined category" 0 "$(grep -c '[a-z]{[^}]*\(apollo\|zeus\)' "$work/plain.sql" || true)"
same "labels in the dump with numbers" yes "$(grep -q '[a-z]{[^}]*x[01]' "$work/plain.sql" && echo yes)"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
