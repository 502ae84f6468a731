"""What the pages show is run: the README's example as printed, and the issuers of docs/identity.md with tokens of their form."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import psycopg
from harness import HERE, MINT, WardTest
from psycopg import sql

ROOT = HERE.parent.parent


def blocks(page, language):
    """The page's code blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)


class Readme(WardTest):
    def setUp(self):
        self.name = self.world.name + "_readme"
        self.server = psycopg.connect(dbname="postgres", autocommit=True)
        self.addCleanup(self.server.close)
        self.server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
        drop = sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(self.name))
        self.addCleanup(self.server.execute, drop)

    def test_twenty_lines(self):
        [script] = blocks("README.md", "sh")
        printed = (ROOT / "README.md").read_text().split("The application's part prints:\n\n```\n")[1].split("```")[0]
        # The tests' server has the role already.
        script = script.replace("CREATE ROLE app LOGIN;\n", "")
        env = os.environ | {"PGDATABASE": self.name, "PATH": f"{Path(MINT).parent}:{os.environ['PATH']}", "PSQLRC": "/dev/null"}
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=env, capture_output=True, text=True)
        got = {line.rstrip() for line in (done.stdout + done.stderr).splitlines()}
        expected = {line.rstrip() for line in printed.splitlines()}
        # HINT is shortened in the README.
        self.assertGreater(len(expected), 10)
        missing = {line for line in expected if line and not line.endswith("…")} - got
        self.assertEqual(missing, set(), done.stdout + done.stderr)
        self.assertNotIn("not yours", done.stdout)
        self.assertNotIn("salaries", done.stdout)


class Issuers(WardTest):
    EXPECTED = {
        "https://id.example.com/realms/acme": ("4f6c7f0e-0e53-4e3a-9d6a-2f3a0e6b6f11", ["acme"], "confidential{pii}"),
        "https://acme.eu.auth0.com/": ("auth0|64f0", ["org_9f3"], "internal"),
        "https://login.microsoftonline.com/0f4c2b6e-7d7b-4bb5-a0f2-1e1f0b1c2d3e/v2.0":
            ("b2a1c3d4-0000-4444-8888-aaaaaaaaaaaa", ["0f4c2b6e-7d7b-4bb5-a0f2-1e1f0b1c2d3e"], "public"),
    }

    def test_keycloak_auth0_and_entra(self):
        definitions = [block for block in blocks("docs/identity.md", "sql") if "profile" in block]
        tokens = [json.loads(block) for block in blocks("docs/identity.md", "json")]
        self.assertEqual([claims["iss"] for claims in tokens], list(self.EXPECTED))
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key = ["--alg", "RS256", "--kid", "r1"]
        subprocess.run([MINT, "keygen", *key, "--out", folder.name], check=True, capture_output=True)
        jwks = (Path(folder.name) / "jwks.json").read_text()
        with self.world.admin() as db:
            for definition in definitions:
                db.execute(definition.replace(":'jwks'", sql.Literal(jwks).as_string(db)))
        for claims in tokens:
            command = [MINT, "sign", *key, "--key", f"{folder.name}/r1.pem", "--ttl", "300", "--header", '{"typ":"JWT"}',
                       "--claims", json.dumps(claims)]
            token = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            with self.subTest(claims["iss"]), self.world.app(token) as db:
                found = db.execute("SELECT subject, tenants, clearance::text FROM ward.session()").fetchone()
                self.assertEqual(found, self.EXPECTED[claims["iss"]])
