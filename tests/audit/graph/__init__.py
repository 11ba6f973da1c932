"""Tests of the graph audit."""
