"""Hands each member of a bundle to the part of the audit that reads its kind."""

from __future__ import annotations

import functools
from pathlib import Path, PurePosixPath
from typing import Any

from bundler.audit.config import config_findings, read_config
from bundler.audit.consistency import consistency_findings, definitions_of
from bundler.audit.facts import Check, Finding
from bundler.audit.graph import saved_model_findings
from bundler.audit.keras_archive import open_keras_file
from bundler.audit.lock import lock_findings
from bundler.audit.opaque import opaque_findings
from bundler.audit.source import SourceText, source_findings
from bundler.audit.subject import Subject
from bundler.audit.weights import hdf5_findings, hdf5_tensors, npz_findings
from bundler.manifest import Payload

_GRAPHS = "model/tfsm"


class Parts:
    """The findings and checks of one bundle as they add up.

    Attributes:
        findings: what was found.
        checks: what was looked at, and what was not.
    """

    def __init__(self, subject: Subject) -> None:
        self.findings: list[Finding] = []
        self.checks: list[Check] = []
        self._subject = subject
