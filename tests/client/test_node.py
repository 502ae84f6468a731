"""node-postgres and its cursors; the cases are in client.js, with the recipe of docs/recipes.md."""

import json
import os
import subprocess
import tempfile

import recipes
from harness import HERE, WardTest


def node(*arguments, **environment):
    return subprocess.run(["node", HERE / "client.js", *arguments], env=os.environ | environment,
                          capture_output=True, text=True, timeout=120)


class Node(WardTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recipe = cls.enterClassContext(tempfile.NamedTemporaryFile("w", suffix=".js"))
        cls.recipe.write(recipes.snippet("node-postgres", "js"))
        cls.recipe.flush()
        cls.tokens = json.dumps({tenant: cls.world.token(tenant) for tenant in range(1, 6)})

    def test_there_are_cases(self):
        self.assertGreater(len([name for name in dir(self) if name.startswith("test_")]), 5)

    def run_case(self, name):
        done = node(self.recipe.name, name, TOKENS=self.tokens, DATABASE=self.world.name)
        self.assertEqual(done.returncode, 0, done.stderr)


# The cases become tests of their own.
for case in node(os.devnull, "--list", TOKENS="{}").stdout.split():
    setattr(Node, f"test_{case}", lambda self, case=case: self.run_case(case))
