"""Engines: built from ONNX files or by Torch-TensorRT, and compared with their networks."""
