"""Canonical JSON: one value, one spelling. RFC 8785 for DATA documents; the same values laid out in lines for META.

What is read is written again and compared, so that two spellings of one value can never have two ids.
Source: RFC 8785; ECMA-262 Number::toString; docs/format.md, "Documents".
"""

import json
import math
from json.encoder import encode_basestring

from pacha.base.errors import Corrupt, Usage

#: Deeper documents do not occur; a reader must not be driven into the stack's limit.
DEPTH_MAX = 32
#: Beyond this, a JSON number is not the same number everywhere; larger ones are written as decimal strings.
INTEGER_MAX = 2**53 - 1
_SMALLEST_PLAIN, _LARGEST_PLAIN = -7, 21


class NotCanonical(Corrupt):
    """Bytes are not the canonical spelling of a value."""


class Unrepresentable(Usage):
    """A value has no canonical spelling."""


def number_text(value: float) -> str:
    """The RFC 8785 spelling of a number. Errors: `Unrepresentable` for NaN, infinities and large integers.

    >>> number_text(1.0), number_text(1e21), number_text(1e-7), number_text(-0.0)
    ('1', '1e+21', '1e-7', '0')
    """
    if isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise Unrepresentable(f"the integer {value} is beyond ±(2^53−1); write it as a text")
        return int.__repr__(value)
    if not math.isfinite(value):
        raise Unrepresentable(f"{value} is not a finite number; write it as the text NaN, Infinity or -Infinity")
    if value == 0:
        return "0"
    return _float_text(value)


def _float_text(value: float) -> str:
    """Python's shortest digits, placed as ECMAScript places them."""
    sign = "-" if value < 0 else ""
    mantissa, _, exponent_text = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # `point` is where the decimal point stands, counted from the first significant digit.
    leading = len(whole + fraction) - len(digits)
    point = len(whole) - leading + int(exponent_text or 0)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= _LARGEST_PLAIN:
        return sign + digits + "0" * (point - count)
    if 0 < point <= _LARGEST_PLAIN:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if _SMALLEST_PLAIN < point - 1 < 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _key_order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _sorted_keys(value: dict[str, object]) -> list[str]:
    try:
        plain = "".join(value).isascii()
    except TypeError as error:
        raise Unrepresentable("an object's keys are texts") from error
    return sorted(value) if plain else sorted(value, key=_key_order)


def _write(value: object, out: list[str], indent: str | None, depth: int) -> None:
    """Appends the spelling of a value. `indent` is a line end with blanks for lines, None for compact."""
    kind = type(value)
    if kind is str:
        out.append(encode_basestring(value))  # type: ignore[arg-type]
    elif kind is dict:
        _write_object(value, out, indent, depth)  # type: ignore[arg-type]
    elif kind is list or kind is tuple:
        _write_list(value, out, indent, depth)  # type: ignore[arg-type]
    elif value is True or value is False:
        out.append("true" if value else "false")
    elif value is None:
        out.append("null")
    elif kind is int or kind is float:
        out.append(number_text(value))  # type: ignore[arg-type]
    else:
        raise Unrepresentable(f"a value of type {kind.__name__} has no place in a document")


def _write_object(value: dict[str, object], out: list[str], indent: str | None, depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise Unrepresentable(f"a document is at most {DEPTH_MAX} levels deep")
    if not value:
        out.append("{}")
        return
    inner = None if indent is None else indent + " "
    lead, between, colon = ("{", ",", ":") if inner is None else ("{" + inner, "," + inner, ": ")
    for key in _sorted_keys(value):
        out.append(lead)
        out.append(encode_basestring(key))
        out.append(colon)
        _write(value[key], out, inner, depth + 1)
        lead = between
    out.append("}" if indent is None else indent + "}")


def _write_list(value: list[object], out: list[str], indent: str | None, depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise Unrepresentable(f"a document is at most {DEPTH_MAX} levels deep")
    if not value:
        out.append("[]")
        return
    inner = None if indent is None else indent + " "
    lead, between = ("[", ",") if inner is None else ("[" + inner, "," + inner)
    for item in value:
        out.append(lead)
        _write(item, out, inner, depth + 1)
        lead = between
    out.append("]" if indent is None else indent + "]")


def _encode(value: object, indent: str | None) -> bytes:
    out: list[str] = []
    _write(value, out, indent, 0)
    if indent is not None:
        out.append("\n")
    try:
        return "".join(out).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unrepresentable("a text holds half of a surrogate pair, which has no UTF-8 form") from error


def encode_compact(value: object) -> bytes:
    """The RFC 8785 form, without a line end. Errors: `Unrepresentable`.

    >>> encode_compact({"b": 1.0, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    return _encode(value, None)


def encode_lines(value: object) -> bytes:
    """The same values, order and numbers, a member or item a line, as `json.dumps(indent=1)` lays them out.

    >>> encode_lines({"b": [], "a": {"x": 1}}).decode().splitlines()
    ['{', ' "a": {', '  "x": 1', ' },', ' "b": []', '}']
    """
    return _encode(value, "\n")


def decode_compact(raw: bytes) -> object:
    """Reads the RFC 8785 form. Errors: `NotCanonical` for any other spelling."""
    return _decode(raw, None)


def decode_lines(raw: bytes) -> object:
    """Reads the form in lines. Errors: `NotCanonical` for any other spelling."""
    return _decode(raw, "\n")


def _refuse_constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> float:
    """Digits without a point. Beyond the safe integers they are a float that is whole, such as 1e20."""
    if len(text) > _LARGEST_PLAIN + 1:
        raise ValueError("a number of so many digits is not spelled canonically")
    value = int(text)
    return value if -INTEGER_MAX <= value <= INTEGER_MAX else float(text)


def _decode(raw: bytes, indent: str | None) -> object:
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_integer)
        again = _encode(value, indent)
    except RecursionError:
        raise NotCanonical(f"a document is nested more than {DEPTH_MAX} levels deep") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise NotCanonical(f"not a canonical document: {error}") from error
    except Unrepresentable as error:
        raise NotCanonical(f"not a canonical document: {error.message}") from error
    if again != raw:
        raise NotCanonical("a document is not spelled canonically")
    return value
