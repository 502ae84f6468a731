// node-postgres against ward. Run by test_node.py: node client.js RECIPE CASE…, with the tokens in the environment.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const { Pool } = require('pg');
const Cursor = require('pg-cursor');

const actingFor = new Function(`${fs.readFileSync(process.argv[2], 'utf8')}; return typeof actingFor === "function" ? actingFor : null`)();
const tokens = JSON.parse(process.env.TOKENS);
const pool = new Pool({ database: process.env.DATABASE, user: 'app', host: process.env.PGHOST, max: 3 });
const tenantsOf = (result) => [...new Set(result.rows.map((row) => row.tenant_id))];
const refused = (promise, code) =>
  assert.rejects(promise, (error) => error.detail?.startsWith(`${code} `) || assert.fail(`${error.code} ${error.message}`));

const cases = {
  async without_a_token() {
    await refused(pool.query('SELECT * FROM docs'), 'WD000');
    assert.equal(tenantsOf(await pool.query('SELECT * FROM docs_open')).length, 5); // the control
  },
  async unnamed_statement() {
    const result = await actingFor(pool, tokens[2], (db) => db.query('SELECT * FROM docs WHERE id > $1', [0]));
    assert.deepEqual(tenantsOf(result), [2]);
    assert.equal(result.rows.length, 60);
  },
  async named_statement_over_many_users() {
    const named = { name: 'all-docs', text: 'SELECT tenant_id FROM docs WHERE id > $1', values: [0] };
    for (let round = 0; round < 8; round++)
      for (const tenant of [1, 2, 3])
        assert.deepEqual(tenantsOf(await actingFor(pool, tokens[tenant], (db) => db.query(named))), [tenant]);
  },
  async pool_shared_by_many_users() {
    const users = Array.from({ length: 300 }, (_, n) => (n % 5) + 1);
    const ask = (tenant) => actingFor(pool, tokens[tenant], (db) => db.query('SELECT tenant_id FROM docs WHERE id > $1', [0]));
    const seen = await Promise.all(users.map(ask));
    assert.deepEqual(seen.map(tenantsOf), users.map((tenant) => [tenant]));
  },
  async control_session_scope_leaks_in_the_pool() {
    const ask = async (tenant) => {
      await pool.query("SELECT set_config('ward.token', $1, false)", [tokens[tenant]]);
      return tenantsOf(await pool.query('SELECT tenant_id FROM docs'))[0] !== tenant;
    };
    const foreign = await Promise.all(Array.from({ length: 100 }, (_, n) => ask((n % 5) + 1)));
    assert.ok(foreign.some(Boolean));
  },
  async portals_suspended_by_row_limits() {
    await actingFor(pool, tokens[1], async (db) => {
      const cursor = db.query(new Cursor('SELECT tenant_id FROM docs WHERE id > $1', [0]));
      for (let rows = await cursor.read(7), seen = 0; ; rows = await cursor.read(7)) {
        assert.ok(rows.every((row) => row.tenant_id === 1));
        seen += rows.length;
        if (rows.length === 0) {
          assert.equal(seen, 60);
          break;
        }
      }
      await cursor.close();
    });
  },
  async writes_are_filled_and_checked() {
    const insert = (values) => actingFor(pool, tokens[2], (db) =>
      db.query('INSERT INTO notes (id, tenant_id, body) VALUES ($1, $2, $3) RETURNING tenant_id', values));
    assert.deepEqual(tenantsOf(await insert([8001, null, 'filled'])), [2]);
    await refused(insert([8002, 1, "another tenant's"]), 'WD014');
  },
  async options_of_the_connection() {
    const own = new Pool({ database: process.env.DATABASE, user: 'app', options: `-c ward.token=${tokens[4]}` });
    assert.deepEqual(tenantsOf(await own.query('SELECT * FROM docs')), [4]);
    await own.end();
    const bad = new Pool({ database: process.env.DATABASE, user: 'app', options: '-c ward.token=rubbish' });
    await refused(bad.query('SELECT 1'), 'WD001');
    await bad.end();
  },
};

async function main() {
  if (process.argv[3] === '--list') return console.log(Object.keys(cases).join('\n'));
  try {
    await cases[process.argv[3]]();
  } finally {
    await pool.end();
  }
}

main().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
