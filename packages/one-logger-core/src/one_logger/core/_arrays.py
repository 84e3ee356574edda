"""Which arrays and tensors may be read, and which may be on an accelerator: decided by type alone."""

from __future__ import annotations

_ON_A_DEVICE = ("__dlpack_device__", "__cuda_array_interface__", "device")


def is_numpy(value: object) -> bool:
    """Whether `value` is an array or scalar of numpy, which is in host memory."""
    kind = type(value)
    return hasattr(kind, "__array__") and any(base.__module__.partition(".")[0] == "numpy" for base in kind.__mro__)


def may_be_read(value: object) -> bool:
    """Whether `value` is an array whose data is in host memory and complete: numpy's, or torch's own on the CPU."""
    return is_numpy(value) or (
        type(value).__module__.partition(".")[0] == "torch"
        and may_be_on_device(value)
        and getattr(value, "is_cpu", False) is True
    )


def may_be_on_device(value: object) -> bool:
    """Whether the data of `value` may be on a device. No property of it is evaluated to find out."""
    kind = type(value)
    return any(hasattr(kind, name) for name in _ON_A_DEVICE) or "device" in getattr(value, "__dict__", ())


def array_text(value: object) -> str:
    """A text in place of an array that is not read: its type, shape and device, which are known without waiting.

    Even an array in host memory may have to be computed first (JAX, TensorFlow, lazy tensors).
    """
    kind = type(value)
    known = [f"{name}={getattr(value, name)}"[:100] for name in ("shape", "dtype", "device") if hasattr(value, name)]
    return f"<{kind.__module__}.{kind.__qualname__} {' '.join(known)}, not read>"
