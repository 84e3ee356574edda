"""Which arrays and tensors may be read, and which may be on an accelerator: decided by type alone."""

from __future__ import annotations

import sys

_PLAIN_TENSORS = (("torch", "Tensor"), ("torch.nn.parameter", "Parameter"))
_UNITS = {
    "years": "nY",
    "months": "nM",
    "weeks": "nW",
    "days": "nD",
    "hours": "TnH",
    "minutes": "TnM",
    "seconds": "TnS",
}
_PARTS = ("milliseconds", "microseconds", "nanoseconds", "picoseconds", "femtoseconds", "attoseconds")
_PLACES = {unit: 3 * number for number, unit in enumerate(_PARTS, 1)}
_ON_A_DEVICE = ("__dlpack_device__", "__cuda_array_interface__", "device")


def is_numpy(value: object) -> bool:
    """Whether `value` is an array or scalar of numpy, which is in host memory."""
    kind = type(value)
    return hasattr(kind, "__array__") and any(base.__module__.partition(".")[0] == "numpy" for base in kind.__mro__)


def may_be_read(value: object) -> bool:
    """Whether `value` is an array whose data is in host memory and complete: numpy's, or torch's own on the CPU.

    Subclasses of torch's, even torch's own, may have their data elsewhere, or a part of it: those that are distributed
    (`DTensor`), fake, or functional. Those that `torch.func` transforms, as `vmap` does, look like plain ones.
    """
    if is_numpy(value):
        return True
    kind = type(value)
    if (kind.__module__, kind.__qualname__) not in _PLAIN_TENSORS or getattr(value, "is_cpu", False) is not True:
        return False
    functorch = getattr(getattr(sys.modules.get("torch"), "_C", None), "_functorch", None)
    is_wrapped = getattr(functorch, "is_functorch_wrapped_tensor", None)
    return is_wrapped is not None and not is_wrapped(value)


def may_be_on_device(value: object) -> bool:
    """Whether the data of `value` may be on a device. No property of it is evaluated to find out."""
    kind = type(value)
    return any(hasattr(kind, name) for name in _ON_A_DEVICE) or "device" in getattr(value, "__dict__", ())


def iso_text(value: object) -> str:
    """The text of numpy's `datetime64` or `timedelta64` by ISO 8601, such as `2026-01-31T12:00:00` or `PT0.000000250S`.

    A time span keeps its unit, as years and months have no length: 18 months are `P18M`. Of what is shorter than a
    second, it is the part of one.
    """
    text = str(value)  # of a time span: `250 nanoseconds`
    if value.dtype.kind == "M" or text == "NaT":  # type: ignore[attr-defined]  # numpy's
        return text
    count, _, unit = text.partition(" ")
    sign, digits = ("-", count[1:]) if count.startswith("-") else ("", count)
    designator = _UNITS.get(unit)
    if designator is not None:
        return f"{sign}P{designator.replace('n', digits)}"
    places = _PLACES.get(unit)
    if places is None:
        return text  # it has no unit
    digits = digits.zfill(places + 1)
    return f"{sign}PT{digits[:-places]}.{digits[-places:]}S"


def array_text(value: object) -> str:
    """A text in place of an array that is not read: its type, shape and device, which are known without waiting.

    Even an array in host memory may have to be computed first (JAX, TensorFlow, lazy tensors).
    """
    kind = type(value)
    known = [f"{name}={getattr(value, name)}"[:100] for name in ("shape", "dtype", "device") if hasattr(value, name)]
    return f"<{kind.__module__}.{kind.__qualname__} {' '.join(known)}, not read>"
