"""The signature of an exported model, as JSON for people and programs and as a header for C."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.layout import TIMES
from keras_samplernn.conditions.streams import NumberStream, Stream
from keras_samplernn.export.layout import Layout, Tensor
from keras_samplernn.export.module import STATE


def describe(layout: Layout, streams: Sequence[Stream], saved: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of `signature.json`.

    Args:
        layout: of the model.
        streams: its condition streams.
        saved: the folder of the SavedModel, in which the operations have their names.
        about: what comes first.
    """
    names = _operations(saved)

    def group(tensors: Sequence[Tensor], of: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
        return {prefix + each.name: _described(each, of[prefix + each.name]) for each in tensors}

    inputs, outputs = names["advance"]
    single = layout.uniforms, layout.temperature
    return {
        **about,
        "position_seconds": list(TIMES),
        "streams": [_described_stream(stream) for stream in streams],
        "initial_state": {"outputs": group(layout.state, names["initial_state"][1], STATE)},
        "advance": {
            "inputs": group(layout.state, inputs, STATE) | group((*single, *layout.controls), inputs),
            "outputs": group(layout.state, outputs, STATE) | group((layout.samples,), outputs),
        },
    }


def header_of(signature: Mapping[str, Any]) -> str:
    """Return the header of C for what `describe` returned; a text of numbers, and of names between quotes."""
    inputs, outputs = (signature["advance"][name] for name in ("inputs", "outputs"))
    columns = {name: inputs[name]["columns"] if name in inputs else [] for name in ("classes", "numbers")}
    states = signature["initial_state"]["outputs"]
    sizes = {
        "SAMPLE_RATE": signature["sample_rate"],
        "BLOCK_SAMPLES": signature["block_samples"],
        "STATES": len(states),
        "INPUTS": len(inputs),
        "OUTPUTS": len(outputs),
    }
    tables = {"initial_outputs": states, "inputs": inputs, "outputs": outputs}
    dims = max(len(tensor["shape"]) for table in tables.values() for tensor in table.values())
    lines = [
        "/* What the SavedModel beside this file takes and returns; include <tensorflow/c/c_api.h> first. The states",
        "   are the first of each table, in the same order. signature.json says what each tensor means. */",
        *(f"#define {name} {value}" for name, value in sizes.items()),
        "struct model_tensor {",
        "  const char *name, *operation;",
        f"  int index; TF_DataType type; int dims; int64_t shape[{dims}];",
        "};",
    ]
    for name, tensors in tables.items():
        lines.append(f"static const struct model_tensor {name}[] = {{")
        lines += [_row(*item) for item in tensors.items()]
        lines.append("};")
    for name, names in (("class_columns", columns["classes"]), ("number_columns", columns["numbers"])):
        # An array of no elements is no C.
        quoted = ", ".join(f'"{column}"' for column in (*names, ""))
        lines.append(f"static const char *const {name}[] = {{{quoted}}};")
    return "\n".join(lines) + "\n"


def _operations(saved: Path) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Return for each signature the tensors of the saved graph, `operation:index`, by name: inputs, outputs."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    graph = SavedModel.FromString((saved / "saved_model.pb").read_bytes()).meta_graphs[0]
    return {
        key: tuple({name: info.name for name, info in side.items()} for side in (found.inputs, found.outputs))
        for key, found in graph.signature_def.items()
    }


def _described(tensor: Tensor, name: str) -> dict[str, Any]:
    columns = {"columns": list(tensor.columns)} if tensor.columns else {}
    return {
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "range": tensor.range,
        "meaning": tensor.meaning,
        **columns,
        "tensor": name,
    }


def _described_stream(stream: Stream) -> dict[str, Any]:
    if isinstance(stream, NumberStream):
        return {"name": stream.name, "kind": "number", "low": stream.low, "high": stream.high, "unit": stream.unit}
    return {
        "name": stream.name,
        "kind": "classes",
        "classes": list(stream.classes),
        "position": stream.position,
        "neighbours": stream.neighbours,
    }


def _row(name: str, tensor: Mapping[str, Any]) -> str:
    import tensorflow as tf
    from tensorflow.core.framework.types_pb2 import DataType

    operation, _, index = tensor["tensor"].rpartition(":")
    shape = ", ".join(map(str, tensor["shape"]))
    kind = DataType.Name(tf.as_dtype(tensor["dtype"]).as_datatype_enum).replace("DT_", "TF_")
    return f'  {{"{name}", "{operation}", {index}, {kind}, {len(tensor["shape"])}, {{{shape}}}}},'
