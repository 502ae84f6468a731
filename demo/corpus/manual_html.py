"""Turns one HTML page of a manual into a flat list of text blocks.

The three manuals come from three generators (DocBook, Sphinx, mdBook). They
differ only in where the text lives and in which page furniture surrounds it,
so one parser with two small sets serves all of them.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
BLOCKS = HEADINGS | {
    "p", "pre", "li", "dt", "dd", "tr", "div", "section", "ul", "ol", "dl",
    "table", "blockquote", "figcaption", "caption",
}
FURNITURE_TAGS = {"script", "style", "nav", "button", "head", "footer"}
FURNITURE_CLASSES = {
    "toc", "navheader", "navfooter",  # DocBook
    "headerlink", "contents", "linenos",  # Sphinx
    "boring", "buttons",  # mdBook (lines a reader does not see)
}
# Titles of boxes within a section; DocBook marks them up as headings.
BOXES = {"Note", "Tip", "Caution", "Warning", "Important"}
# "43.6.1. ", "8.1. ", "Chapter 5. ": numbers change between editions, names do not.
NUMBERING = re.compile(r"^(?:(?:Chapter|Appendix)\s+)?(?:[A-Z]\.)?(?:\d+\.)+(?:\d+\b)?\s*")
RULER = re.compile(r"([-=_*])\1{3,}")


@dataclass
class Block:
    """One paragraph, list item, table row, code listing or heading."""

    kind: str  # "heading", "code" or "text"
    text: str


class _Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.blocks = []
        self.buffer = []
        self.inside = 0  # depth below the element that holds the text
        self.skipping = 0  # depth below an element we leave out
        self.kind = "text"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if self.skipping or not self.inside:
            if tag in VOID:
                return
            if self.skipping:
                self.skipping += 1
            elif _is_root(tag, attributes):
                self.inside = 1
            return
        if tag in VOID:
            self.buffer.append("\n" if tag == "br" and self.kind == "code" else " ")
            return
        if _is_furniture(tag, attributes):
            self.skipping = 1
            return
        self.inside += 1
        if tag in BLOCKS:
            self.flush()
            self.kind = "heading" if tag in HEADINGS else "code" if tag == "pre" else "text"
        elif tag in ("td", "th") and "".join(self.buffer).strip():
            self.buffer.append(" | ")

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if self.skipping:
            self.skipping -= 1
        elif self.inside:
            if tag in BLOCKS:
                self.flush()
                self.kind = "text"
            self.inside -= 1

    def handle_data(self, data):
        if self.inside and not self.skipping:
            self.buffer.append(data)

    def flush(self):
        raw = "".join(self.buffer)
        self.buffer = []
        text = _tidy_code(raw) if self.kind == "code" else " ".join(raw.replace("\u200b", "").split())
        if self.kind == "heading":
            text = NUMBERING.sub("", text)
        if text and text not in BOXES:
            self.blocks.append(Block(self.kind, text))


def _is_root(tag, attributes):
    return (
        tag == "main"
        or attributes.get("role") == "main"
        or (tag == "body" and attributes.get("id") == "docContent")
    )


def _is_furniture(tag, attributes):
    classes = set((attributes.get("class") or "").split())
    return tag in FURNITURE_TAGS or bool(classes & FURNITURE_CLASSES)


def _tidy_code(raw):
    """Keeps line breaks and indentation; shortens what only fills the eye (rulers, empty lines)."""
    raw = RULER.sub(r"\1\1\1", raw.replace("\u200b", "").replace("\t", "    "))
    lines = [line.rstrip() for line in raw.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def blocks_of(html):
    """Returns the page's blocks in reading order; the first heading is its title."""
    page = _Page()
    page.feed(html)
    page.close()
    return page.blocks
