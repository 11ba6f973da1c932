"""``kbundle audit FILE``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bundler.archive.atomic import require_writable_target, whole_file, write_all
from bundler.audit.auditing import audit_with_contents
from bundler.audit.result import Verdict
from bundler.cli.load_options import add_consent_arguments
from bundler.cli.progress_bar import shown_progress
from bundler.report import audit_json, audit_text
from bundler.report.terminal_text import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    add_consent_arguments(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="judge by what the code could do, not by what loading it needs: for reviewers and CI",
    )
    parser.add_argument("--osv", metavar="DIR", help="a folder of OSV records to match the locked versions with")
    parser.add_argument("--all", action="store_true", help="show every finding, however many there are")
    parser.add_argument("--sarif", metavar="OUT", help="also write the findings as SARIF 2.1.0")
    parser.add_argument(
        "--html", metavar="OUT", help="also write one page with the model, its source and the findings in it"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the files of --sarif and --html if they exist"
    )


def run(options: argparse.Namespace) -> int:
    """Print what the bundle could do; 0 if it loads as asked, 1 if it needs consent or is refused."""
    for target in (options.sarif, options.html):
        if target is not None:
            require_writable_target(Path(target), overwrite=options.overwrite)
    with shown_progress() as progress:
        audit, contents = audit_with_contents(
            options.file,
            digest=options.digest,
            allow=options.allow,
            policy=options.policy,
            osv=options.osv,
            strict=options.strict,
            progress=progress,
        )
    written = []
    if options.sarif is not None:
        from bundler.report.sarif import as_sarif

        _write(options.sarif, json.dumps(as_sarif(audit), indent=2) + "\n", overwrite=options.overwrite)
        written.append(options.sarif)
    if options.html is not None:
        from bundler.report.page import audit_page

        _write(options.html, audit_page(audit, contents), overwrite=options.overwrite)
        written.append(options.html)
    if options.json:
        print(json.dumps(audit_json.as_json(audit), indent=2))
    else:
        print(audit_text.as_text(audit, contents.sources, everything=options.all), end="")
        for path in written:
            print(f"written: {shown(path)}")
    return 0 if audit.verdict is Verdict.ACCEPTED else 1


def _write(path: str, text: str, *, overwrite: bool) -> None:
    with whole_file(Path(path), overwrite=overwrite) as file:
        write_all(file, text.encode("utf-8", errors="backslashreplace"))
