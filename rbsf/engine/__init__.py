"""The packed engine: networks as bits and integer thresholds.

- `pack` turns a trained student into such a network.
- `pack_head` rounds a box head to 8 bits.
- `format` defines its file, and reads and writes it; `packed_head` does so for the head.
- `packed` runs it on compiled kernels, `integer` on torch and `openvino_u1` on OpenVINO.
- `packed_box` runs a network with a box head on compiled kernels, `torch_box` one that is not
  packed. `integer_head` is what the compiled head is compared with.
- `torch_embedder` runs other networks that are not packed.
- `onnx_export` and `unpack` write networks in other formats.
- `fuzz` tests that both readers refuse damaged files.
"""
