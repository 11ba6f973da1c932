"""``kbundle cache [list|prune]``."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from bundler.errors import BundleError
from bundler.report.terminal_text import shown, size_text, table
from bundler.requirements.environments import environment_cache


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "action",
        choices=("list", "prune"),
        nargs="?",
        default="list",
        help="list the environments (default), or remove those that nobody uses any more",
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--older-than",
        metavar="DAYS",
        type=float,
        help=f"prune: remove what was not used for so many days (default: {environment_cache.UNUSED_DAYS})",
    )
    chosen.add_argument("--all", action="store_true", help="prune: remove every environment that is not in use")
    chosen.add_argument("--key", metavar="KEY", help="prune: remove the one whose key begins so")


def run(options: argparse.Namespace) -> int:
    """List the cached environments, or remove some."""
    if options.action == "prune":
        return _prune(options)
    if options.all or options.key is not None or options.older_than is not None:
        raise BundleError(
            "--older-than, --all and --key are of kbundle cache prune", hint="kbundle cache lists, and takes no choice"
        )
    found = environment_cache.entries()
    if options.json:
        value = {"folder": str(environment_cache.cache_folder()), "environments": [_as_json(entry) for entry in found]}
        print(json.dumps(value, indent=2))
    elif not found:
        print(f"no environments in {shown(environment_cache.cache_folder())}")
    else:
        rows: list[tuple[object, ...]] = [("key", "Python", "size", "last use", "made for")]
        rows += [
            (
                entry.key,
                entry.facts.get("python", "?") if entry.facts is not None else "-",
                size_text(entry.size),
                datetime.fromtimestamp(entry.last_use, UTC).strftime("%Y-%m-%d %H:%M UTC"),
                entry.facts.get("bundle") or "a file object" if entry.facts is not None else "(not finished)",
            )
            for entry in found
        ]
        total = size_text(sum(entry.size for entry in found))
        print("\n".join([f"{shown(environment_cache.cache_folder())}: {total}", *table(rows, right=(2,))]))
    return 0


def _prune(options: argparse.Namespace) -> int:
    removed, in_use = environment_cache.prune(
        older_than_days=environment_cache.UNUSED_DAYS if options.older_than is None else options.older_than,
        everything=options.all,
        key=options.key,
    )
    if options.json:
        value = {"removed": [_as_json(entry) for entry in removed], "in_use": [_as_json(entry) for entry in in_use]}
        print(json.dumps(value, indent=2))
    else:
        freed = size_text(sum(entry.size for entry in removed))
        print(f"{_count(len(removed))} removed, {freed}")
        for entry in in_use:
            print(f"  in use, not removed: {shown(entry.key)}")
    # Who named one and did not get it removed should hear of it.
    return 1 if options.key is not None and in_use else 0


def _count(number: int) -> str:
    return "1 environment" if number == 1 else f"{number} environments"


def _as_json(entry: environment_cache.CachedEnvironment) -> dict[str, Any]:
    return {
        "key": entry.key,
        "folder": str(entry.folder),
        "size": entry.size,
        "last_use": datetime.fromtimestamp(entry.last_use, UTC).isoformat(timespec="seconds"),
        "ready": entry.facts is not None,
        **{name: (entry.facts or {}).get(name) for name in ("python", "bundle", "digest", "kbundle", "made")},
    }
