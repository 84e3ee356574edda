import sys
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, NoReturn

import numpy as np
import pytest

from one_logger.core import Attributes, AttributeValue, ErrorEvent, Span


def _read(*_: object, **__: object) -> NoReturn:
    pytest.fail("The array was read: this waits for the accelerator.")


_READING = [
    "item",
    "tolist",
    "cpu",
    "numpy",
    "to",
    "detach",
    "__array__",
    "__bool__",
    "__dlpack__",
    "__eq__",
    "__float__",
    "__format__",
    "__getitem__",
    "__index__",
    "__int__",
    "__iter__",
    "__len__",
    "__repr__",
    "__str__",
    "__torch_function__",
]


def _array_class(module: str, name: str, **members: object) -> type:
    """A class whose instances fail the test when they are read."""
    return type(
        name, (), {**dict.fromkeys(_READING, _read), "__hash__": object.__hash__, "__module__": module, **members}
    )


_Torch = _array_class(
    "torch", "Tensor", shape=(2, 3), dtype="torch.float32", device=property(lambda _: "cuda:0"), is_cpu=False
)
_Jax = _array_class("jaxlib._jax", "ArrayImpl", shape=(4,), dtype="float32", __dlpack_device__=_read)
_TensorFlow = _array_class(
    "tensorflow.python.framework.ops", "EagerTensor", shape=(1,), device=property(lambda _: "GPU:0")
)
_CuPy = _array_class("cupy", "ndarray", shape=(), dtype="float64", __cuda_array_interface__=property(_read))
_ARRAYS = [_Torch, _Jax, _TensorFlow, _CuPy]


@dataclass
class _State:
    step: int
    weights: object


class _Output(NamedTuple):
    loss: object
    step: int


_CONTAINERS: dict[str, Callable[[object], object]] = {
    "list": lambda array: [1, array],
    "tuple": lambda array: (array, "x"),
    "dict": lambda array: {"weights": array},
    "key": lambda array: {array: 1},
    "set": lambda array: {array},
    "deep": lambda array: {"a": [{"b": (array,)}]},
    "dataclass": lambda array: _State(1, array),
    "dataclass in list": lambda array: [_State(1, [array])],
    "namedtuple": lambda array: _Output(array, 1),
    "OrderedDict": lambda array: OrderedDict(weights=array),
    "defaultdict": lambda array: defaultdict(list, weights=array),
    "deque": lambda array: deque([array]),
    "SimpleNamespace": lambda array: SimpleNamespace(weights=array),
}


def _converted(value: object) -> AttributeValue:
    return Attributes({"array": value})["array"]


@pytest.mark.parametrize("kind", _ARRAYS, ids=lambda kind: kind.__module__)
def test_array_on_an_accelerator_is_not_read(kind: type) -> None:
    """An array that may be on an accelerator becomes a text with its type and shape that says it was not read."""
    text = str(_converted(kind()))
    assert text.startswith(f"<{kind.__module__}.{kind.__qualname__} shape=")
    assert text.endswith(", not read>")


def test_device_of_an_array_is_named() -> None:
    """The text for a tensor that was not read says where it is and what it holds."""
    assert _converted(_Torch()) == "<torch.Tensor shape=(2, 3) dtype=torch.float32 device=cuda:0, not read>"


@pytest.mark.parametrize("put", _CONTAINERS.values(), ids=_CONTAINERS)
@pytest.mark.parametrize("kind", [_Torch, _Jax], ids=["torch", "jax"])
def test_array_inside_a_container_is_not_read(kind: type, put: Callable[[object], object]) -> None:
    """An array on an accelerator is not read where it is part of something else."""
    assert f"{kind.__qualname__} shape=" in str(_converted(put(kind())))


def test_several_arrays_become_a_sequence_of_texts() -> None:
    """A list of arrays on accelerators becomes a sequence of the texts that stand for them."""
    texts = _converted([_Torch(), _Torch()])
    assert isinstance(texts, tuple)
    assert len(texts) == 2


def test_span_does_not_read_an_array() -> None:
    """A span takes an array on an accelerator without reading it, at the start, in between and at the stop."""
    span = Span("work", {"a": _Torch()}, {"a": _Jax()})
    span.set_attribute("b", _Torch())
    span.set_attributes({"c": [_Jax(), 1]})
    span.stop({"d": _TensorFlow()})
    assert all("not read" in str(value) for value in span.attributes.values())


def test_array_whose_device_is_an_instance_attribute_is_not_read() -> None:
    """An object that has its device in its instance's attributes counts as an array, too."""
    array = _array_class("somewhere", "Lazy")()
    array.device = "tpu"
    assert _converted(array) == "<somewhere.Lazy device=tpu, not read>"


@pytest.mark.parametrize("wrapped", [False, True])
def test_tensor_on_the_cpu_becomes_its_value(wrapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor without dimensions in host memory becomes its Python value, unless `torch.func` transforms it."""
    functorch = SimpleNamespace(is_functorch_wrapped_tensor=lambda _: wrapped)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(_C=SimpleNamespace(_functorch=functorch)))
    kind = type(
        "Tensor", (), {"__module__": "torch", "shape": (), "device": "cpu", "is_cpu": True, "item": lambda _: 0.5}
    )
    assert _converted(kind()) == ("<torch.Tensor shape=() device=cpu, not read>" if wrapped else 0.5)


@pytest.mark.parametrize(
    ("module", "name"),
    [("torch.distributed.tensor", "DTensor"), ("torch._subclasses.fake_tensor", "FakeTensor"), ("somewhere", "Tensor")],
)
def test_subclasses_of_tensors_are_not_read(module: str, name: str) -> None:
    """Their data may be elsewhere, or only a part of it here, even if they say that they are on the CPU."""
    kind = _array_class(module, name, shape=(), device="cpu", is_cpu=True)
    assert _converted(kind()) == f"<{module}.{name} shape=() device=cpu, not read>"


@pytest.mark.parametrize("kind", [_Torch, _Jax], ids=["torch", "jax"])
def test_array_among_the_arguments_of_an_exception_is_not_read(kind: type) -> None:
    """Neither its message nor its stack trace reads it, in whatever it stands."""
    array, text = kind(), _converted(kind())
    for exception, message in [
        (ValueError("loss", array), f"('loss', {text})"),
        (ValueError(array), text),
        (KeyError(array), text),
        (OSError("loss", array), f"('loss', {text})"),
        (ValueError([array]), f"[{text}]"),
        (ValueError("outer", ValueError("inner", array)), f"('outer', ValueError('inner', {text}))"),
    ]:
        error = ErrorEvent("message", exception)
        assert error.exception_message == message
        assert error.stack_trace is not None
        assert error.stack_trace.endswith(f": {message}\n")


@pytest.mark.parametrize(
    "exception",
    [
        ValueError(),
        ValueError("text"),
        ValueError(1, 2.5, None, b"bytes"),
        KeyError("key"),
        OSError(2, "No such file", "name"),
        ValueError(Path("a/b")),
        ValueError(Decimal(1)),
        ValueError([1, "a"]),
        ValueError(ValueError("inner")),
        ValueError("a", ValueError("b")),
        UnicodeDecodeError("utf-8", b"a", 0, 1, "reason"),
    ],
    ids=repr,
)
def test_the_message_of_an_exception_is_what_python_says(exception: Exception) -> None:
    """An exception without arrays has the text that `str()` gives."""
    assert ErrorEvent("message", exception).exception_message == str(exception)


@pytest.mark.parametrize(
    ("value", "converted"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (np.array(7), 7),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02T03:04:05.000000006", "ns"), "2026-01-02T03:04:05.000000006"),
        (np.datetime64("2026-01"), "2026-01"),
        (np.datetime64("NaT", "s"), "NaT"),
        (np.array(["2026-01-02", "NaT"], dtype="datetime64[us]"), ("2026-01-02T00:00:00.000000", "NaT")),
        (np.array(3, dtype="datetime64[D]"), "1970-01-04"),
        (np.timedelta64(250, "ns"), "PT0.000000250S"),
        (np.timedelta64(-1_500, "ms"), "-PT1.500S"),
        (np.timedelta64(90, "s"), "PT90S"),
        (np.timedelta64(90, "m"), "PT90M"),
        (np.timedelta64(36, "h"), "PT36H"),
        (np.timedelta64(2, "D"), "P2D"),
        (np.timedelta64(18, "M"), "P18M"),
        (np.array([1, 2], dtype="timedelta64[25us]"), ("PT0.000025S", "PT0.000050S")),
        (np.array([1, 2], dtype=np.int16), (1, 2)),
        (np.array([0.5, 1.5], dtype=np.float32), (0.5, 1.5)),
        (np.array([True, False]), (True, False)),
        (np.array(["a", "bc"]), ("a", "bc")),
        (np.array([]), ()),
        ([np.float32(0.5), 1], (0.5, 1.0)),
        ([np.int64(1), np.int8(2)], (1, 2)),
    ],
    ids=lambda value: f"{type(value).__name__}-{value!r}",
)
def test_numpy_values_become_python_values(value: object, converted: object) -> None:
    """A numpy scalar becomes its Python value, a short one-dimensional array a sequence of them."""
    result = _converted(value)
    assert result == converted
    assert type(result) is type(converted)
    if isinstance(result, tuple) and isinstance(converted, tuple):
        assert [type(item) for item in result] == [type(item) for item in converted]


_OTHERS: dict[str, object] = {
    "two dimensions": np.zeros((2, 2)),
    "complex": np.complex64(1),
    "objects": np.array([1, "a", None], dtype=object),
    "dtype": np.dtype("float32"),
    "generator": np.random.default_rng(0),
    "function": np.add,
    "class": np.float32,
}


@pytest.mark.parametrize("value", _OTHERS.values(), ids=_OTHERS)
def test_other_objects_of_numpy_become_their_repr(value: object) -> None:
    """What numpy has beside scalars and short arrays becomes its repr."""
    assert _converted(value) == repr(value)


def test_long_numpy_array_is_cut() -> None:
    """An array of a million elements becomes a short text."""
    text = _converted(np.arange(1_000_000))
    assert isinstance(text, str)
    assert len(text) <= 1_024


def test_later_changes_of_a_numpy_array_are_not_seen() -> None:
    """An array that is changed after it was taken does not change the attributes."""
    array = np.array([1, 2])
    attributes = Attributes({"array": array})
    array[0] = 9
    assert attributes["array"] == (1, 2)
