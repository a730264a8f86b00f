"""The packed engine: networks as bits and integer thresholds.

- `pack` turns a trained student into such a network.
- `format` defines its file, and reads and writes it.
- `packed` runs it on compiled kernels, `integer` on torch and `openvino_u1` on OpenVINO.
- `torch_embedder` runs networks that are not packed.
- `onnx_export` and `unpack` write networks in other formats.
- `fuzz` tests that both readers refuse damaged files.
"""
