"""Devices: what is asked for, or a sentence."""

from __future__ import annotations

import pytest
import torch

from core.errors import DeviceError
from core.training.device import choose_device, choose_precision, describe_device

CPU = torch.device("cpu")


def test_cpu_and_auto() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="there is no such GPU here") as raised:
        choose_device("cuda:63")
    assert raised.value.hint == "Choose device auto or cpu."
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="none was found"):
            choose_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "meta", "CPU"])
def test_a_device_of_another_name(name: str) -> None:
    with pytest.raises(DeviceError, match="There is no device") as raised:
        choose_device(name)
    assert "cuda:N" in raised.value.hint


def test_precision() -> None:
    assert choose_precision("float32", CPU) is None
    assert choose_precision("bfloat16", CPU) is torch.bfloat16
    assert choose_precision("auto", CPU) is None


def test_a_device_is_described_for_people() -> None:
    text = describe_device(CPU)
    assert text.startswith("cpu (")
    assert f"{torch.get_num_threads()} threads)" in text
