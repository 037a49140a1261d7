"""The opcodes of pickles, split from their bytes one by one, without holding more than one argument.

Long texts and bytes are passed by: only their length is told. What an unpickler would refuse may be let through, and
never the other way round. Source: Lib/pickletools.py, protocols 0 to 5.
"""

import struct
from dataclasses import dataclass

from pacha.formats.inspection import Malformed
from pacha.formats.stream import Stream

#: A text that is longer is no name of a module, layer or type.
TEXT_BYTES_MAX = 4_096
#: A line of protocol 0: a text, a number or a name.
LINE_BYTES_MAX = 64 << 10
#: A longer number is none that is looked at.
_INTEGER_BYTES_MAX = 16
_DIGITS_MAX = 40


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that was passed by. Units of `length`: bytes."""

    kind: str
    length: int = 0


#: Code, name, and how the argument is spelled.
_TABLE = """
( MARK . STOP 0 POP 1 POP_MARK 2 DUP F FLOAT=line I INT=integer J BININT=<i K BININT1=<B L LONG=integer M BININT2=<H
N NONE P PERSID=line Q BINPERSID R REDUCE S STRING=quoted T BINSTRING=latin<i U SHORT_BINSTRING=latin<B V UNICODE=raw
X BINUNICODE=utf<I a APPEND b BUILD c GLOBAL=pair d DICT } EMPTY_DICT e APPENDS g GET=integer h BINGET=<B i INST=pair
j LONG_BINGET=<I l LIST ] EMPTY_LIST o OBJ p PUT=integer q BINPUT=<B r LONG_BINPUT=<I s SETITEM t TUPLE ) EMPTY_TUPLE
u SETITEMS G BINFLOAT=>d \x80 PROTO=<B \x81 NEWOBJ \x82 EXT1=<B \x83 EXT2=<H \x84 EXT4=<i \x85 TUPLE1 \x86 TUPLE2
\x87 TUPLE3 \x88 NEWTRUE \x89 NEWFALSE \x8a LONG1=long<B \x8b LONG4=long<i B BINBYTES=bytes<I C SHORT_BINBYTES=bytes<B
\x8c SHORT_BINUNICODE=utf<B \x8d BINUNICODE8=utf<Q \x8e BINBYTES8=bytes<Q \x8f EMPTY_SET \x90 ADDITEMS \x91 FROZENSET
\x92 NEWOBJ_EX \x93 STACK_GLOBAL \x94 MEMOIZE \x95 FRAME=<Q \x96 BYTEARRAY8=bytes<Q \x97 NEXT_BUFFER \x98 READONLY_BUFFER
"""
# Not any white space: one of the codes is a line end of Unicode.
_WORDS = _TABLE.strip().replace("\n", " ").split(" ")
#: Name and spelling of the argument by code.
CODES = {
    ord(code): (name, spelling)
    for code, (name, _, spelling) in zip(_WORDS[::2], (word.partition("=") for word in _WORDS[1::2]), strict=True)
}


def next_opcode(stream: Stream) -> tuple[str, object]:
    """The name and argument of what comes next. Errors: `Malformed` if it is cut off or unknown."""
    code = stream.take(1)[0]
    found = CODES.get(code)
    if found is None:
        raise Malformed(f"unknown opcode {code:#04x} at byte {stream.at - 1}")
    name, spelling = found
    return name, _argument(stream, spelling) if spelling else None


def _argument(stream: Stream, spelling: str) -> object:
    if spelling[0] in "<>":
        return struct.unpack(spelling, stream.take(struct.calcsize(spelling)))[0]
    if spelling[-2] == "<":
        form = spelling[-2:]
        (length,) = struct.unpack(form, stream.take(struct.calcsize(form)))
        return _counted(stream, spelling[:-2], length)
    line = stream.line(LINE_BYTES_MAX)
    if spelling == "pair":
        return line.decode("utf-8", "backslashreplace"), stream.line(LINE_BYTES_MAX).decode("utf-8", "backslashreplace")
    return _LINES[spelling](line)


def _counted(stream: Stream, kind: str, length: int) -> object:
    if kind == "bytes" or length > (_INTEGER_BYTES_MAX if kind == "long" else TEXT_BYTES_MAX):
        stream.skip(length)
        return Opaque(kind, length)
    raw = stream.take(length)
    if kind == "long":
        return int.from_bytes(raw, "little", signed=True)
    try:
        return raw.decode("utf-8", "surrogatepass") if kind == "utf" else raw.decode("ascii")
    except UnicodeDecodeError:
        return Opaque(kind, length)


def _integer(line: bytes) -> object:
    """A number of protocol 0; `00` and `01` are false and true."""
    if line in (b"00", b"01"):
        return line == b"01"
    try:
        return int(line.rstrip(b"L")) if len(line) <= _DIGITS_MAX else Opaque("number", len(line))
    except ValueError:
        return Opaque("number", len(line))


def _quoted(line: bytes) -> object:
    """A text in quotes. One with escapes is not read: two readers could read it differently."""
    inner = line.strip()[1:-1]
    return inner.decode() if inner.isascii() and b"\\" not in inner else Opaque("text", len(inner))


def _raw(line: bytes) -> object:
    try:
        return line.decode("raw-unicode-escape") if len(line) <= TEXT_BYTES_MAX else Opaque("text", len(line))
    except UnicodeDecodeError:
        return Opaque("text", len(line))


_LINES = {"line": lambda line: Opaque("line", len(line)), "integer": _integer, "quoted": _quoted, "raw": _raw}
