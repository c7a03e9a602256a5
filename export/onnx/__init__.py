"""ONNX files: written, compared with PyTorch, typed in half precision, counted."""
