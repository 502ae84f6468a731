#!/usr/bin/env bash
# The main job on real documents: three organisations share two tables, and the same SQL gives each its own.
# Needs bash and psql 15; PGHOST, PGPORT and PGUSER of a superuser on a server with ward and pgvector installed,
# WARD_MINT, the tool that signs tokens, and WARD_VERIFY, the one that checks audit logs. Works in a database of its own (ward_demo), made anew.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib.sh
: "${WARD_MINT:?the path of ward-mint, the tool that signs tokens}"
: "${WARD_VERIFY:?the path of ward-verify, the tool that checks audit logs}"

issuer=https://login.example.com # both as in sql/protect.sql
audience=library
everything='restricted{credentials,security}'
declare -A token # of each person

keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT

# mint NAME ORGANISATION CLEARANCE [AUDIENCE [SECONDS]]: a token as the login service would sign it.
mint() {
  "$WARD_MINT" sign --key "$keys/k1.pem" --alg ES256 --kid k1 --ttl "${5:-600}" --claims \
    "{\"iss\": \"$issuer\", \"aud\": \"${4:-$audience}\", \"sub\": \"$1\", \"org\": \"$2\", \"clearance\": \"$3\"}"
}

setup_database() {
  export PGDATABASE=postgres PGOPTIONS='-c client_min_messages=warning'
  if [ "$(dba_value "SELECT 'app' IN (SELECT rolname FROM pg_roles) AND 'ward_demo' NOT IN (SELECT datname FROM pg_database)")" = t ]; then
    say "This server has a role named app that is not the demo's: use another server." >&2
    exit 1
  fi
  dba -c 'DROP DATABASE IF EXISTS ward_demo' -c 'DROP ROLE IF EXISTS app' -c 'CREATE DATABASE ward_demo'
  export PGDATABASE=ward_demo
  dba -c 'CREATE EXTENSION vector' -c 'CREATE EXTENSION ward'
  dba -f sql/schema.sql -f sql/load.sql -f sql/app.sql -f sql/tricks.sql -f sql/truth.sql
}

make_tokens() {
  "$WARD_MINT" keygen --alg ES256 --kid k1 --out "$keys"
  token[ana]=$(mint ana postgres "$everything")
  token[ben]=$(mint ben python "$everything")
  token[cleo]=$(mint cleo rust "$everything")
  token[dora]=$(mint dora python internal)
}

# ask TOKEN SQLFILE: runs a query file of the application, unchanged, with question 1 at hand.
ask() {
  { echo 'SELECT embedding FROM questions WHERE id = 1 \gset'; cat "$2"; } | as "$1" | indent
}

# --- tricks: what an insider of python might do; each returns 0 if it got nothing --------------------

reading=(
  "WHERE tenant_id = 'postgres' finds nothing"
  "SELECT count(*) FROM chunks WHERE tenant_id = 'postgres'"
  "the key of another tenant's row finds nothing"
  "SELECT count(*) FROM chunks WHERE id = 1"
  "OR true widens nothing"
  "SELECT count(*) FROM (SELECT * FROM chunks WHERE tenant_id = 'rust' OR true) c WHERE tenant_id <> 'python'"
  "a view owned by a superuser shows nothing more"
  "SELECT count(*) FROM everyone WHERE tenant_id <> 'python'"
  "a superuser's SECURITY DEFINER function finds nothing more"
  "SELECT spy()"
  "COPY TO carries nothing more"
  "COPY (SELECT id FROM chunks WHERE tenant_id <> 'python') TO STDOUT; SELECT 0"
  "a cursor fetches nothing more"
  "DECLARE c CURSOR FOR SELECT id FROM chunks WHERE tenant_id <> 'python'; FETCH ALL FROM c; SELECT 0"
)
writing=(
  "UPDATE of another tenant's row changes nothing"
  "WITH w AS (UPDATE chunks SET body = 'gone' WHERE id = 1 RETURNING 1) SELECT count(*) FROM w"
  "DELETE of another tenant's row deletes nothing"
  "WITH w AS (DELETE FROM chunks WHERE id = 1 RETURNING 1) SELECT count(*) FROM w"
)

# try (WHAT SQL)…: passes if ben gets nothing out of it.
try() {
  while [ $# -gt 0 ]; do
    check "$1" 0 "$(value "${token[ben]}" "$2")"
    shift 2
  done
}

# working (WHAT SQL)…: how many of them succeed on tables that nobody protects. They are rolled back.
working() {
  local count=0 output
  while [ $# -gt 0 ]; do
    output=$(app -At <<<"BEGIN; $2; ROLLBACK;") || output=0
    [ "$output" = 0 ] || count=$((count + 1))
    shift 2
  done
  echo "$count"
}

# --- the story -----------------------------------------------------------------------------------

before() {
  heading "1. Before: one table, three organisations, nobody keeps them apart"
  dba -P footer=off -c 'SELECT tenant_id, count(DISTINCT document_id) AS documents, count(*) AS chunks
                          FROM chunks GROUP BY 1 ORDER BY 1' | indent
  say "The application asks (as it will all along): $(dba_value 'SELECT question FROM questions WHERE id = 1')"
  shown sql/question.sql
  { echo 'SELECT embedding FROM questions WHERE id = 1 \gset'; cat sql/question.sql; } | app | indent
  check "without ward the question is answered from everybody's documents (the control)" \
    "postgres,python,rust" "$(mixed_tenants)"
  check "a WHERE typed by hand over the same index comes back with fewer than 10 rows (the control)" \
    "yes" "$(short_answers)"
  check "all nine tricks of steps 5 and 6 work without ward (the control)" \
    9 "$(working "${reading[@]}" "${writing[@]}")"
}

mixed_tenants() {
  dba_value "SELECT string_agg(DISTINCT tenant_id, ',' ORDER BY tenant_id)
               FROM questions q, LATERAL (SELECT tenant_id FROM chunks ORDER BY embedding <=> q.embedding LIMIT 10) c"
}

short_answers() {
  dba -At <<'SQL'
SET enable_sort = off;
SELECT CASE WHEN min(rows) < 10 THEN 'yes' ELSE 'no' END FROM (
  SELECT (SELECT count(*) FROM (SELECT 1 FROM chunks WHERE tenant_id = t ORDER BY embedding <=> q.embedding LIMIT 10) c) AS rows
    FROM questions q, unnest('{postgres,python,rust}'::text[]) t) s;
SQL
}

protect() {
  heading "2. The DBA's part: trust whoever signs the tokens, protect the tables"
  shown sql/protect.sql
  dba -v jwks="$(cat "$keys/jwks.json")" -f sql/protect.sql >/dev/null
}

same_sql() {
  heading "3. The application's part: a token per transaction, the SQL unchanged"
  say "    BEGIN; SELECT set_config('ward.token', \$1, true); …; COMMIT;"
  shown sql/aggregate.sql
  shown sql/join.sql
  one_person ana postgres restricted
  one_person ben python restricted
  one_person cleo rust restricted
  one_person dora python internal
}

one_person() { # one_person NAME TENANT LEVEL
  local bearer=${token[$1]}
  heading "   $1 of $2, cleared for $3"
  as "$bearer" <<<'SELECT ward.subject(), ward.tenant(), ward.clearance();' | indent
  ask "$bearer" sql/aggregate.sql
  ask "$bearer" sql/join.sql
  ask "$bearer" sql/question.sql
  check "$1: the aggregate and the join count exactly the rows of $2 up to $3" \
    "$(dba_value "SELECT count(*) || ' ' || count(*) FROM truth.visible('$2', '$3')")" \
    "$(value "$bearer" 'SELECT (SELECT count(*) FROM chunks), (SELECT count(*) FROM documents d JOIN chunks c ON c.document_id = d.id)' | tr '|' ' ')"
}

no_identity() {
  heading "4. No proof of identity, no data"
  local sql='SELECT count(*) FROM chunks' late wrong
  late=$(mint ben python "$everything" "$audience" -60)
  wrong=$(mint ben python "$everything" payroll)
  say "No token:" && report "without a token: refused" 28000/WD000 "$(app -At -c "$sql" 2>&1 || true)"
  say "An expired token:" && refused "an expired token: refused" 28000/WD008 "$late" "$sql"
  say "A token edited to name another organisation:" && refused "a tampered token: refused" 28000/WD005 "$(tampered "${token[ben]}")" "$sql"
  say "A token made for another service:" && refused "a token for another audience: refused" 28000/WD007 "$wrong" "$sql"
}

read_across() {
  heading "5. ben, of python, tries to read what belongs to others"
  try "${reading[@]}"
  say "ben switches row security off:"
  refused "SET row_security = off is refused" 42501 "${token[ben]}" "SET LOCAL row_security = off; SELECT count(*) FROM chunks"
  say "ben asks for a plan, whose estimates would count the rows of others; then allows it to himself:"
  refused "EXPLAIN is refused" 0A000/WD034 "${token[ben]}" "EXPLAIN SELECT * FROM chunks WHERE tenant_id = 'postgres'"
  refused "the application cannot allow itself EXPLAIN" 42501 "${token[ben]}" "SET ward.allow_explain = on"
  check "a prepared statement answers for whoever executes it, not for whoever prepared it" \
    "python postgres" "$(prepared_by_ben_executed_by_ana)"
  say "ben opens a cursor and then presents ana's token:"
  refused "the identity cannot change under an open cursor" 25001/WD033 "${token[ben]}" \
    "DECLARE c CURSOR FOR SELECT id FROM chunks; SELECT set_config('ward.token', '${token[ana]}', true)"
}

prepared_by_ben_executed_by_ana() {
  ANA=${token[ana]} as "${token[ben]}" -At <<'SQL' 2>&1 | tr '\n' ' ' | sed 's/ $//'
PREPARE whose AS SELECT string_agg(DISTINCT tenant_id, ',') FROM chunks;
EXECUTE whose;
COMMIT;
\getenv ana ANA
BEGIN;
SELECT set_config('ward.token', :'ana', true) \g /dev/null
EXECUTE whose;
SQL
}

write_across() {
  heading "6. ben, of python, tries to write into other organisations"
  local document
  document=$(value "${token[ben]}" "SELECT min(id) FROM documents")
  local row="900001, $document" rest="1, 'note', 'a note', (SELECT embedding FROM questions WHERE id = 1)"
  say "INSERT with tenant_id 'postgres':"
  refused "INSERT into another tenant: refused" 42501 "${token[ben]}" "INSERT INTO chunks VALUES ($row, 'postgres', 'internal', $rest)"
  say "UPDATE of an own row to tenant_id 'postgres':"
  refused "UPDATE into another tenant: refused" 42501 "${token[ben]}" "UPDATE chunks SET tenant_id = 'postgres' WHERE position = 1"
  say "dora, cleared for internal, INSERTs a restricted row:"
  refused "INSERT above the writer's clearance: refused" 42501 "${token[dora]}" "INSERT INTO chunks VALUES ($row, 'python', 'restricted', $rest)"
  try "${writing[@]}"
  check "INSERT that names no tenant and no label is filled in: python, internal" "python internal" \
    "$(value "${token[ben]}" "INSERT INTO chunks VALUES ($row, NULL, NULL, $rest) RETURNING tenant_id || ' ' || label")"
  check "ben deletes his own row again" "900001" "$(value "${token[ben]}" "DELETE FROM chunks WHERE id = 900001 RETURNING id")"
}

all_questions() {
  heading "7. Twelve questions for each of the four: ten rows each, from the index"
  say "Two thousand rows are too few for PostgreSQL to bother with the index, so sorting is discouraged here (enable_sort = off)."
  local person PGOPTIONS="$PGOPTIONS -c enable_sort=off"
  for person in ana ben cleo dora; do answers "$person" "${token[$person]}"; done |
    dba -c '\copy truth.answers FROM STDIN WITH (DELIMITER '"' '"')'
  dba -P footer=off <<'SQL' | indent
CREATE VIEW truth.result AS
SELECT p.person, tenant, level, q.id AS question,
       count(a.chunk) AS rows,
       count(v.id) AS allowed,
       count(n.id) AS exact
  FROM (VALUES ('ana', 'postgres', 'restricted'), ('ben', 'python', 'restricted'),
               ('cleo', 'rust', 'restricted'), ('dora', 'python', 'internal')) p (person, tenant, level)
 CROSS JOIN questions q
  LEFT JOIN truth.answers a ON a.person = p.person AND a.question = q.id
  LEFT JOIN LATERAL (SELECT id FROM truth.visible(tenant, level) id WHERE id = a.chunk) v ON true
  LEFT JOIN LATERAL (SELECT id FROM truth.nearest(tenant, level, q.id) id WHERE id = a.chunk) n ON true
 GROUP BY p.person, tenant, level, q.id;
SELECT person, tenant, level, count(*) AS questions, min(rows) AS fewest_rows,
       sum(rows - allowed) AS foreign_rows, round(sum(exact) / (10 * count(*)), 3) AS recall
  FROM truth.result GROUP BY person, tenant, level ORDER BY person;
SQL
  check "48 answers have exactly 10 rows" "48" "$(dba_value 'SELECT count(*) FROM truth.result WHERE rows = 10')"
  check "none of the 480 rows is another tenant's or above the clearance" "480" "$(dba_value 'SELECT sum(allowed) FROM truth.result')"
  check "at least 95 % of them are the truly nearest rows" "t" "$(dba_value 'SELECT sum(exact) >= 0.95 * 480 FROM truth.result')"
  plan
}

# answers NAME TOKEN: all questions asked by one person, as "name question chunk" lines.
answers() {
  local number
  for number in 1 2 3 4 5 6 7 8 9 10 11 12; do
    echo "SELECT embedding FROM questions WHERE id = $number \\gset"
    echo "SELECT '$1', $number, id FROM chunks ORDER BY embedding <=> :'embedding' LIMIT 10;"
  done | as "$2" -At -F ' '
}

# The DBA may look at plans, in a session of the DBA's own that carries ben's token.
plan() {
  say "The plan PostgreSQL makes for ben's question, as the DBA sees it (SET ward.allow_explain = on):"
  local text
  text=$({ echo '\getenv token TOKEN'
           echo "SET ward.token = :'token'; SET ward.allow_explain = on;"
           echo 'SELECT embedding FROM questions WHERE id = 1 \gset'
           echo 'EXPLAIN (COSTS OFF)'
           cat sql/question.sql; } | TOKEN=${token[ben]} dba -At | sed -E "s/'\[[^]]*\]'/'[…]'/")
  indent <<<"$text"
  check "the question uses the HNSW index" "1" "$(grep -c 'Index Scan using chunks_embedding' <<<"$text")"
}

search_only() {
  heading "8. Embeddings that can be searched, but not read"
  local read="SELECT coalesce(left(to_jsonb(c) ->> 'embedding', 1), 'nothing') FROM chunks c LIMIT 1"
  local find="SELECT string_agg(id::text, ' ') FROM (SELECT id FROM chunks ORDER BY embedding <=> (SELECT embedding FROM questions WHERE id = 1) LIMIT 10) c"
  local before
  before=$(value "${token[ben]}" "$find")
  check "so far ben can read vectors, which can be turned back into text (the control)" "[" "$(value "${token[ben]}" "$read")"
  shown sql/mask.sql
  dba -f sql/mask.sql >/dev/null
  check "ben's question finds the same ten rows" "$before" "$(value "${token[ben]}" "$find")"
  check "a row shows nothing of its vector" nothing "$(value "${token[ben]}" "$read")"
  refused "a vector cast to text: refused" 42501/WD031 "${token[ben]}" "SELECT embedding::text FROM chunks"
  refused "a distance without the search: refused" 42501/WD031 "${token[ben]}" "SELECT min(embedding <=> embedding) FROM chunks"
}

relabel() {
  heading "9. Relabel a document, and its chunks follow"
  local nearest="SELECT document_id FROM chunks ORDER BY embedding <=> (SELECT embedding FROM questions WHERE id = 1) LIMIT 10"
  local document label
  document=$(value "${token[dora]}" "SELECT document_id FROM ($nearest) c LIMIT 1")
  label=$(value "${token[ben]}" "SELECT label FROM documents WHERE id = $document")
  local raise="UPDATE documents SET label = 'restricted' WHERE id = $document"
  local left_behind="SELECT count(*) > 0 FROM chunks WHERE document_id = $document AND label OPERATOR(ward.<@) 'internal'"
  local found="SELECT count(*) > 0 FROM ($nearest) c WHERE document_id = $document"
  say "Document $document is $label; dora, cleared for internal, finds it. ben makes it restricted:"
  check "so far a relabelled document leaves its chunks behind (the control)" t \
    "$(value "${token[ben]}" "SAVEPOINT s; $raise; $left_behind; ROLLBACK TO s")"
  shown sql/derive.sql
  dba -f sql/derive.sql >/dev/null
  check "now its chunks follow in the same transaction: none is left that dora could see" f \
    "$(value "${token[ben]}" "SAVEPOINT s; $raise; $left_behind; ROLLBACK TO s")"
  check "rolled back, dora finds it as before" t "$(value "${token[dora]}" "$found")"
  value "${token[ben]}" "$raise" >/dev/null
  check "committed, it is gone from the nearest neighbours that dora gets" f "$(value "${token[dora]}" "$found")"
  check "which are ten all the same" 10 "$(value "${token[dora]}" "SELECT count(*) FROM ($nearest) c")"
  check "a chunk that ben adds and calls public is restricted" restricted \
    "$(value "${token[ben]}" "SAVEPOINT s; INSERT INTO chunks SELECT 0, document_id, tenant_id, 'public', position, section, body, (SELECT embedding FROM questions WHERE id = 1) FROM chunks WHERE document_id = $document LIMIT 1 RETURNING label; ROLLBACK TO s")"
  dba_value "SELECT ward.declassify('documents', '{\"id\": $document}', '$label', 'demo: published again')" >/dev/null
  check "declassified by the DBA, with a reason, it is found again" t "$(value "${token[dora]}" "$found")"
  dba_value "SELECT ward.quarantine('documents', '{\"id\": $document}', 'demo: poisoned')" >/dev/null
  check "in quarantine, not even ben sees a chunk of it" 0 \
    "$(value "${token[ben]}" "SELECT count(*) FROM chunks WHERE document_id = $document")"
  dba_value "SELECT ward.release('documents', '{\"id\": $document}', 'demo: it was not')" >/dev/null
  check "released, dora finds it again" t "$(value "${token[dora]}" "$found")"
}

superuser() {
  heading "10. Not even the superuser who owns the tables"
  say "Without a token:"
  report "a superuser without a token: refused" 28000/WD000 \
    "$(dba -At -v VERBOSITY=verbose -c 'SELECT count(*) FROM chunks' 2>&1 || true)"
  check "a superuser with ben's token sees what ben sees" "python" \
    "$({ echo '\getenv token TOKEN'
         echo "SET ward.token = :'token';"
         echo "SELECT string_agg(DISTINCT tenant_id, ',') FROM chunks;"; } | TOKEN=${token[ben]} dba -At 2>&1)"
  check "maintenance with a stated reason sees all, and nothing has changed since the load" "0" \
    "$(dba -At -c "SET ward.maintenance = 'demo: compare with the load'" -c \
      'SELECT count(*) FROM ((TABLE chunks EXCEPT ALL TABLE truth.chunks) UNION ALL (TABLE truth.chunks EXCEPT ALL TABLE chunks)) d' 2>&1)"
}

trail() {
  heading "11. All of it is on record"
  local folder copy broken log="INSERT INTO own_log VALUES ('a refusal follows')"
  dba -c 'CREATE TABLE own_log (what text)' -c 'GRANT SELECT, INSERT ON own_log TO app'
  value "${token[ben]}" "$log; SELECT 1 / 0" >/dev/null
  check "a log table that the application writes itself keeps nothing of what failed (the control)" 0 \
    "$(dba_value 'SELECT count(*) FROM own_log')"
  dba_value "SELECT ward.audit_sync()" >/dev/null
  say "What ward has recorded of this run:"
  dba -P footer=off -c "SELECT kind, outcome, count(*) AS events, string_agg(DISTINCT subject, ', ') AS subjects
    FROM ward.audit WHERE database = current_database() GROUP BY 1, 2 ORDER BY 1, 2" | indent
  check "each of the $refusals refusals above is there, although each was rolled back" t \
    "$(dba_value "SELECT count(*) >= $refusals FROM ward.audit WHERE outcome = 'denied' AND database = current_database()")"
  check "a search names the ten rows that came back" t \
    "$(dba_value "SELECT bool_or(k = 10 AND jsonb_array_length(keys) = 10) FROM ward.audit WHERE kind = 'search' AND subject = 'ben'")"
  check "maintenance stands there with its reason" t \
    "$(dba_value "SELECT bool_or(detail ->> 'maintenance' LIKE 'demo: compare%') FROM ward.audit WHERE kind = 'maintenance'")"
  check "no text of a query holds a value, let alone a token" 0 \
    "$(dba_value "SELECT count(*) FROM ward.audit WHERE query ~ 'eyJ|''[^'']|demo:'")"
  report "the superuser cannot change it, in maintenance neither" 42501/WD032 \
    "$(dba -At -v VERBOSITY=verbose -c "SET ward.maintenance = 'demo: hide it'" -c 'DELETE FROM ward_internal.audit_event' 2>&1 || true)"
  check "computed again from the first entry on, every hash and signature is right" valid \
    "$(dba_value "SELECT string_agg(DISTINCT verdict, ', ') FROM ward.verify_audit()")"
  folder=$(dba_value "SELECT current_setting('data_directory') || '.ward'")
  copy=$(mktemp -d)
  cp -r "$folder/log" "$folder/audit.vkey" "$copy/"
  say "Without the database, from a copy of the files: ward-verify log"
  check "the copy verifies with the public key alone" 0 \
    "$("$WARD_VERIFY" log "$copy" --key "$copy/audit.vkey" >"$copy/told" 2>&1; echo $?)"
  indent <"$copy/told"
  broken=$(find "$copy/log" -path '*entries*' -type f | sort | head -n 1)
  printf 'x' | dd of="$broken" bs=1 seek=200 conv=notrunc status=none
  check "one byte of an entry changed, and it does not" 1 \
    "$("$WARD_VERIFY" log "$copy" --key "$copy/audit.vkey" >"$copy/told" 2>&1; echo $?)"
  indent <"$copy/told"
  rm -r "$copy"
}

setup_database
make_tokens
before
protect
same_sql
no_identity
read_across
write_across
all_questions
search_only
relabel
superuser
trail
summary
