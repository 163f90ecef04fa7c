"""Schemas of JSON output, as values that look like it.

    check_shape(shown, [{"topic": str, "size": Maybe(int)}])

A type stands for a value of it (float takes whole numbers, too; int takes no bool), a list with one
element for any number of them, a dict for exactly these keys, Maybe for null as well, and a
Mapping for any keys.
"""


class Maybe:
    """`shape`, or null."""

    def __init__(self, shape):
        self.shape = shape


class Mapping:
    """An object with any keys, whose values have `shape`."""

    def __init__(self, shape):
        self.shape = shape


def check_shape(value, shape, where="$"):
    """Raises AssertionError with the place that differs."""
    if isinstance(shape, Maybe):
        if value is not None:
            check_shape(value, shape.shape, where)
    elif isinstance(shape, Mapping):
        require(isinstance(value, dict), where, value, "an object")
        for key, inner in value.items():
            check_shape(inner, shape.shape, f"{where}.{key}")
    elif isinstance(shape, dict):
        require(isinstance(value, dict), where, value, "an object")
        require(value.keys() == shape.keys(), where, sorted(value), f"the keys {sorted(shape)}")
        for key, inner in shape.items():
            check_shape(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        require(isinstance(value, list), where, value, "an array")
        for number, element in enumerate(value):
            check_shape(element, shape[0], f"{where}[{number}]")
    else:
        kinds = (int, float) if shape is float else (shape,)
        is_bool = isinstance(value, bool) and shape is not bool
        require(isinstance(value, kinds) and not is_bool, where, value, shape.__name__)


def require(good, where, value, what):
    if not good:
        raise AssertionError(f"{where} is {value!r}, not {what}")
