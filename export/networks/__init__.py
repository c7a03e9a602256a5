"""The networks as they are exported: frames in and out as uint8, all arithmetic inside the graph."""
