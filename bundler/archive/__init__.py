"""Bytes: container layout, reader, writer, member names, encodings, digests."""
