"""Read the protocol buffers of a SavedModel without protobuf."""
