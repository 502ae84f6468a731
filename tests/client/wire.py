"""A minimal PostgreSQL protocol client (version 3.0, "Message Formats" in PostgreSQL's manual), for what drivers hide:
portals that are suspended after some rows, and several steps sent before the first answer is read.
"""

import os
import socket
import struct


def text(value):
    return value.encode() + b"\0"


def counted(values):
    return struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(v)) + v for v in values)


class Wire:
    """A connection without password over the Unix socket."""

    def __init__(self, dbname, user, address=None, **parameters):
        """`address` names another server than the one of the environment. Other parameters go into the startup message;
        `greeting` is what the server answers."""
        address = address or {"host": os.environ["PGHOST"], "port": os.environ["PGPORT"]}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{address['host']}/.s.PGSQL.{address['port']}")
        self.stream = self.socket.makefile("rb")
        parameters |= {"user": user, "database": dbname}
        startup = struct.pack("!i", 196608) + b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0"
        self.socket.sendall(struct.pack("!i", len(startup) + 4) + startup)
        self.greeting = self.answers()

    def send(self, *messages):
        """Sends (type, body) messages in one packet."""
        self.socket.sendall(b"".join(kind + struct.pack("!i", len(body) + 4) + body for kind, body in messages))

    def answers(self):
        """Everything up to ReadyForQuery: rows as lists of text, errors as dicts of their fields, other messages by type."""
        out = []
        while True:
            kind = self.stream.read(1)
            if not kind:  # the server hung up, having said why
                return out
            body = self.stream.read(struct.unpack("!i", self.stream.read(4))[0] - 4)
            if kind == b"Z":
                return out
            if kind == b"D":
                out.append(self.row(body))
            elif kind == b"E":
                out.append({chr(field[0]): field[1:].decode() for field in body.split(b"\0") if field})
            elif kind == b"V":  # a function's result, framed like a row of one column
                out.append(self.row(struct.pack("!h", 1) + body))
            elif kind in (b"s", b"C"):
                out.append({b"s": "suspended", b"C": "complete"}[kind])

    @staticmethod
    def row(body):
        (count,), at, values = struct.unpack("!h", body[:2]), 2, []
        for _ in range(count):
            (size,) = struct.unpack("!i", body[at:at + 4])
            values.append(None if size < 0 else body[at + 4:at + 4 + size].decode())
            at += 4 + max(size, 0)
        return values

    def close(self):
        self.stream.close()
        self.socket.close()


def parse(query, name=""):
    return b"P", text(name) + text(query) + struct.pack("!h", 0)


def bind(portal="", statement="", values=()):
    body = text(portal) + text(statement) + struct.pack("!h", 0) + counted([v.encode() for v in values])
    return b"B", body + struct.pack("!h", 0)


def execute(portal="", rows=0):
    return b"E", text(portal) + struct.pack("!i", rows)


def call(function, *arguments):
    """Function call, arguments and result as text."""
    body = struct.pack("!ih", function, 0) + counted([v.encode() for v in arguments])
    return b"F", body + struct.pack("!h", 0)


def query(statement):
    return b"Q", text(statement)


SYNC = (b"S", b"")
