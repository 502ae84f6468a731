#!/usr/bin/env python3
"""Makes the demo corpus: documents, chunks and questions with their embeddings.

Reads documents.tsv and questions.tsv next to this file and the unpacked Debian
documentation packages; writes three compressed files in the format of COPY.
The same inputs give the same bytes. See README.md for how to run it.
"""

import argparse
import gzip
import io
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from manual_html import blocks_of
from minilm import MAX_TOKENS, MiniLm

HERE = Path(__file__).resolve().parent
CHUNK_TOKENS = 240  # heading and body together; below MAX_TOKENS, for a last line
SMALL_TOKENS = 90  # a section shorter than this shares a chunk with the next one
DECIMALS = 4  # cosine distances keep three exact decimals


@dataclass
class Chunk:
    """A run of neighbouring paragraphs, small enough for one embedding."""

    section: str
    paragraphs: list = field(default_factory=list)

    def body(self):
        return "\n".join(self.paragraphs)


class Chunker:
    """Cuts a page into chunks: at headings first, then between paragraphs."""

    def __init__(self, count, title):
        self.count = count
        self.title = title
        self.chunks = []
        self.current = Chunk(title)

    def add(self, block):
        if block.kind == "heading":
            self.start_section(block.text)
            return
        for part in split_long(block, CHUNK_TOKENS // 2, self.count):
            self.add_paragraph(part)

    def start_section(self, name):
        if not self.current.paragraphs:
            self.current.section = name
        elif self.tokens() < SMALL_TOKENS:
            self.add_paragraph(name)
        else:
            self.flush(name)

    def add_paragraph(self, text):
        if self.current.paragraphs and self.tokens(text) > CHUNK_TOKENS:
            self.flush(self.current.section)
        self.current.paragraphs.append(text)

    def flush(self, next_section):
        if self.current.paragraphs and not self.joined_previous():
            self.chunks.append(self.current)
        self.current = Chunk(next_section)

    def joined_previous(self):
        """A line or two left over goes to the chunk before, if the model can still read that."""
        if not self.chunks or self.current.section != self.chunks[-1].section:
            return False
        together = Chunk(self.current.section, self.chunks[-1].paragraphs + self.current.paragraphs)
        if self.count(embedded_text(self.title, together)) > MAX_TOKENS:
            return False
        self.chunks[-1] = together
        return True

    def tokens(self, extra=""):
        return self.count(embedded_text(self.title, self.current, extra))


def embedded_text(title, chunk, extra=""):
    """What the model reads: a chunk makes little sense without its headings."""
    heading = title if chunk.section == title else f"{title}. {chunk.section}"
    return "\n".join([heading, *chunk.paragraphs, extra]).strip()


def split_long(block, limit, count):
    """Cuts an over-long paragraph at sentence ends, an over-long listing at line ends."""
    if count(block.text) <= limit:
        return [block.text]
    pattern, glue = (r"\n", "\n") if block.kind == "code" else (r"(?<=[.!?;:,]) ", " ")
    parts, current = [], ""
    for piece in re.split(pattern, block.text):
        candidate = f"{current}{glue}{piece}" if current else piece
        if current and count(candidate) > limit:
            parts.append(current)
            candidate = piece
        current = candidate
    return [*parts, current]


def chunks_of(page, count):
    """Returns (title, chunks) of one HTML page."""
    blocks = blocks_of(page)
    title = blocks[0].text
    chunker = Chunker(count, title)
    for block in blocks[1:]:
        chunker.add(block)
    chunker.flush(title)
    return title, chunker.chunks


def vector(numbers):
    """pgvector's text form, rounded."""
    return "[" + ",".join(f"{round(n, DECIMALS) + 0.0:g}" for n in numbers) + "]"


def copy_line(*values):
    """One line of COPY's text format."""
    escaped = (
        str(v).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        for v in values
    )
    return "\t".join(escaped) + "\n"


def read_table(name):
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def build(docs, model):
    """Returns {file name: text} of everything that is committed."""
    documents, chunks = io.StringIO(), io.StringIO()
    chunk_id = 0
    for document_id, (tenant, label, source) in enumerate(read_table("documents.tsv"), 1):
        title, parts = chunks_of((docs / source).read_text(encoding="utf-8"), model.count)
        documents.write(copy_line(document_id, tenant, label, title, source))
        for position, chunk in enumerate(parts, 1):
            chunk_id += 1
            text = embedded_text(title, chunk)
            chunks.write(copy_line(
                chunk_id, document_id, tenant, label, position,
                chunk.section, chunk.body(), vector(model.embed(text)),
            ))
        print(f"{tenant:9} {len(parts):4} chunks  {title}", flush=True)
    return {
        "documents.copy.gz": documents.getvalue(),
        "chunks.copy.gz": chunks.getvalue(),
        "questions.copy.gz": "".join(
            copy_line(number, text, vector(model.embed(text)))
            for number, text in read_table("questions.tsv")
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("docs", type=Path, help="usr/share/doc of the unpacked packages")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    options = parser.parse_args()
    stale = []
    for name, text in build(options.docs, MiniLm()).items():
        path = HERE / name
        if options.check:
            old = gzip.decompress(path.read_bytes()) if path.exists() else b""
            if old != text.encode():
                stale.append(name)
        else:
            path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
            print(f"{path.name}: {path.stat().st_size} bytes")
    if stale:
        sys.exit(f"differs from what is committed: {', '.join(stale)}")


if __name__ == "__main__":
    main()
