"""The arguments of every command that loads a model."""

from __future__ import annotations

import argparse

from bundler.requirements.admit import MODES


def add_loading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them: which bundle, with what consent, held to what, and which of its payloads."""
    parser.add_argument("--digest", metavar="SHA256", help="only if this is the bundle with this digest")
    parser.add_argument(
        "--allow",
        metavar="WORD",
        action="append",
        default=[],
        help="accept what the bundle asks consent for, such as opaque-code (repeat for more; kbundle inspect shows it)",
    )
    parser.add_argument(
        "--requirements",
        choices=MODES,
        default="check",
        help="check refuses what is missing or will break, strict what is not as locked (default: check)",
    )
    parser.add_argument(
        "--fidelity",
        choices=("full", "inference"),
        help="of a bundle with the model and a graph, which of the two (default: the model)",
    )
