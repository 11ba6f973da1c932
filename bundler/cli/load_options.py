"""The arguments of every command that loads a model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from bundler.requirements.admit import MODES

if TYPE_CHECKING:
    from bundler.unpacking.unbundling import LoadOptions


def add_consent_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which bundle it must be, and what is accepted."""
    parser.add_argument(
        "--digest",
        metavar="SHA256",
        help="only if this is the bundle with this digest; accepts every capability that this very file asks for",
    )
    parser.add_argument(
        "--allow",
        metavar="WORD",
        action="append",
        default=[],
        help="accept a capability that the bundle asks for, such as filesystem (repeat for more; kbundle audit shows "
        "which)",
    )
    parser.add_argument("--policy", metavar="TOML", help="what is accepted and what is not, as a file (docs/audit.md)")


def add_loading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the same, what the load is held to, and which of the payloads it takes."""
    add_consent_arguments(parser)
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


def load_options(options: argparse.Namespace, **more: Any) -> LoadOptions:
    """Return what the command line says about the load, and `more`; ``--digest`` is compared by whoever opens the file.

    Raises:
        BundleError: a word, or something in the policy, is unknown.
    """
    from bundler.unpacking.unbundling import LoadOptions

    return LoadOptions(
        accept_all=options.digest is not None,
        allow=options.allow,
        policy=options.policy,
        requirements=options.requirements,
        fidelity=options.fidelity,
        **more,
    )
