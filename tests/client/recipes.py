"""The snippets of docs/recipes.md, so that tests run what the page shows."""

import re

from harness import HERE

PAGE = (HERE.parent.parent / "docs" / "recipes.md").read_text()


def snippet(heading, language):
    """The first code block of this language under the heading."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.search(rf"^```{language}\n(.*?)^```$", section, re.S | re.M)[1]


def python(heading):
    """What the Python snippet under the heading defines."""
    names = {}
    exec(compile(snippet(heading, "python"), f"docs/recipes.md: {heading}", "exec"), names)
    return names
