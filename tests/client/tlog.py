"""Reads an audit log's files: C2SP tlog-tiles and tlog-checkpoint, RFC 6962 tree. Written from the specifications, knowing
nothing of ward, so that both would have to be wrong in the same way. Signatures are left to ward-verify.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

WIDTH = 256


@dataclass(frozen=True)
class Checkpoint:
    """The first three lines of a signed note: origin, size, root."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def read(cls, path):
        origin, size, root = Path(path).read_text().split("\n")[:3]
        return cls(origin, int(size), base64.b64decode(root, validate=True))


def index_path(number):
    """The path of a tile's index: groups of three digits, all but the last after an `x`."""
    last, groups = number % 1000, []
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join([*groups, f"{last:03}"])


def entries(folder, size):
    """The first `size` entries, from bundles that may have grown since."""
    found = []
    for number in range((size + WIDTH - 1) // WIDTH):
        path = bundle(Path(folder) / "tile" / "entries" / index_path(number), min(size - number * WIDTH, WIDTH))
        content, at = path.read_bytes(), 0
        while at < len(content):
            length = int.from_bytes(content[at:at + 2], "big")
            found.append(content[at + 2:at + 2 + length])
            at += 2 + length
        assert at == len(content), f"{path} ends within an entry"
    assert len(found) >= size, f"{len(found)} entries of {size} are there"
    return found[:size]


def bundle(name, width):
    """The file with at least so many entries: the full one, the partial one of this width, or a wider one."""
    if name.exists():
        return name
    partial = {int(path.name): path for path in Path(f"{name}.p").glob("*")}
    return partial[min(found for found in partial if found >= width)]


def full_tiles(folder, size):
    """Paths of the tiles and bundles that a log of this size has in full; these never change again."""
    tiles, height = Path(folder) / "tile", 0
    names = [("entries", WIDTH)]
    while WIDTH ** (height + 1) <= size:
        names.append((str(height), WIDTH ** (height + 1)))
        height += 1
    return [tiles / name / index_path(number) for name, covered in names for number in range(size // covered)]


def root(leaves):
    """The Merkle tree hash of leaf hashes (RFC 6962 §2.1): halves at the largest power of two below their number."""
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    if not level:
        return hashlib.sha256(b"").digest()
    # Pairs from the left, an odd one carried up as it is: the same tree without recursion.
    while len(level) > 1:
        odd = level[len(level) & ~1:]
        level = [hashlib.sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2])] + odd
    return level[0]


def logs(directory):
    """The folders of all epochs, oldest first."""
    return sorted(path for path in (Path(directory) / "log").iterdir() if path.name.isdigit())


def check(folder):
    """The checkpoint of a log, whose root its entries have."""
    checkpoint = Checkpoint.read(Path(folder) / "checkpoint")
    assert root(entries(folder, checkpoint.size)) == checkpoint.root, f"{folder}: the entries have another root"
    return checkpoint


def extends(new, old):
    """Whether the log in `new` begins with all that the one in `old` held, byte by byte."""
    size = Checkpoint.read(Path(old) / "checkpoint").size
    return entries(new, size) == entries(old, size) and root(entries(new, size)) == Checkpoint.read(Path(old) / "checkpoint").root
