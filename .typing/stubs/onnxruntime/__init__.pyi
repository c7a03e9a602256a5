# What is used of ONNX Runtime, which states no types.
from collections.abc import Mapping, Sequence
from enum import Enum
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

class GraphOptimizationLevel(Enum):
    ORT_ENABLE_BASIC = ...

class NodeArg:
    name: str
    shape: list[int | str]
    type: str

class SessionOptions:
    intra_op_num_threads: int
    log_severity_level: int
    enable_mem_pattern: bool
    graph_optimization_level: GraphOptimizationLevel
    optimized_model_filepath: str
    def add_session_config_entry(self, key: str, value: str) -> None: ...
    def add_free_dimension_override_by_name(self, name: str, length: int) -> None: ...

class RunOptions:
    terminate: bool

class OrtValue:
    @staticmethod
    def ortvalue_from_numpy(array: NDArray[Any], device_type: str = "cpu", device_id: int = 0) -> OrtValue: ...
    @staticmethod
    def ortvalue_from_shape_and_type(
        shape: Sequence[int], element_type: type[np.generic], device_type: str = "cpu", device_id: int = 0
    ) -> OrtValue: ...
    def numpy(self) -> NDArray[Any]: ...
    def shape(self) -> list[int]: ...
    def data_ptr(self) -> int: ...

class IOBinding:
    def bind_ortvalue_input(self, name: str, value: OrtValue) -> None: ...
    def bind_output(self, name: str, device_type: str = "cpu", device_id: int = 0) -> None: ...
    def get_outputs(self) -> list[OrtValue]: ...

class InferenceSession:
    def __init__(
        self,
        path_or_bytes: str | bytes | PathLike[str],
        sess_options: SessionOptions | None = None,
        providers: Sequence[str] | None = None,
    ) -> None: ...
    def get_inputs(self) -> list[NodeArg]: ...
    def get_outputs(self) -> list[NodeArg]: ...
    def io_binding(self) -> IOBinding: ...
    def run(self, output_names: Sequence[str] | None, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]: ...
    def run_with_iobinding(self, binding: IOBinding, options: RunOptions | None = None) -> None: ...
    def run_with_ort_values(
        self, output_names: Sequence[str] | None, inputs: Mapping[str, OrtValue], options: RunOptions | None = None
    ) -> list[OrtValue]: ...

def get_available_providers() -> list[str]: ...
