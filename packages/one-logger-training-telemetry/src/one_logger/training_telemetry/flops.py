"""Floating-point operations of transformers, and what GPUs can do: for `flops_per_sample` and `peak_tflops_per_gpu`."""

from __future__ import annotations

from one_logger.core.spi import check_number

__all__ = ["dense_peak_tflops", "transformer_flops_per_sample"]

# Dense bfloat16 in 10^12 operations per second, by what a device is called, the longest name first. Data sheets print
# the value with sparsity, which is twice as much. Source: TorchTitan, `torchtitan/tools/utils.py`
# (`get_peak_flops`), which has them from the vendors' data sheets.
_PEAKS = {
    "H100 NVL": 835.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H200": 989.0,
    "A100": 312.0,
    "MI300X": 1307.0,
    "L40S": 362.0,
    "B200": 2250.0,
}


def transformer_flops_per_sample(
    parameters: float, layers: int, hidden: int, seq_length: int, *, causal: bool = False
) -> float:
    """Floating-point operations that a transformer needs for a sample, forward and backward, without recomputation.

    A token takes 6N + 12·L·h·s of them. Source: PaLM (arXiv 2204.02311, appendix B).

    Args:
        parameters: N: the parameters without those of the input embedding; of a mixture of experts, the active ones.
        layers: L.
        hidden: h: attention heads times the size of a head.
        seq_length: s: tokens in a sample.
        causal: Whether to count half of the attention, as FlashAttention computes it. PaLM and most who compare MFU
            count all of it.
    """
    for name, value in (("parameters", parameters), ("layers", layers), ("hidden", hidden), ("seq_length", seq_length)):
        check_number(name, value, 0, "a number")
    return seq_length * (6 * parameters + (6 if causal else 12) * layers * hidden * seq_length)


def dense_peak_tflops(device: str) -> float | None:
    """What a GPU can do at most in dense bfloat16, in 10^12 operations per second. None if it isn't known.

    Args:
        device: What the device is called, as `torch.cuda.get_device_name()` says.
    """
    if "GB200" in device or "MIG" in device:
        return None  # no B200, and a part of a GPU
    return next((peak for name, peak in _PEAKS.items() if name.lower() in device.lower()), None)
