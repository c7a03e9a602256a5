"""tsn.export: turns trained networks into a bundle of ONNX files, checked against PyTorch."""
