"""What a terminal shows of an audit."""

from __future__ import annotations

import dataclasses

from bundler.audit.finding import CAPABILITIES
from bundler.report.audit_text import FIRST, as_text
from tests.report import samples


def test_verdict_comes_first_and_the_next_step_after_it() -> None:
    audit, contents = samples.wine()
    lines = as_text(audit, contents.sources).splitlines()
    assert lines[0] == "models/wine.kbundle: needs consent: refused unless allow=['filesystem']"
    assert "bundler.unbundle('models/wine.kbundle', allow=['filesystem'])" in lines[1]
    assert "kbundle test models/wine.kbundle --allow filesystem" in lines[2]
    assert f"digest='{samples.DIGEST}'" in lines[3]


def test_refused_bundle_has_no_argument_that_loads_it() -> None:
    text = as_text(samples.audit(samples.LAMBDA.at("model/model.keras", "a lambda"), samples.OPENS.at("a.py", "open")))
    assert text.startswith("models/wine.kbundle: refused: 1 finding that no argument accepts\n")
    assert "unbundle" not in text
    assert text.index("Refused (1)") < text.index("filesystem (1)")


def test_accepted_bundle_says_that_an_audit_is_no_wall() -> None:
    text = as_text(samples.audit())
    assert text.startswith("models/wine.kbundle: accepted: loads; nothing that was found stops it\n")
    assert "is not a wall around code that was written to get past it" in text


def test_names_what_was_accepted_and_asks_no_more() -> None:
    audit = samples.audit(samples.OPENS.at("a.py", "open"), accepted=tuple(sorted(CAPABILITIES)))
    text = as_text(audit)
    assert text.splitlines()[0].endswith("accepted: loads, with filesystem allowed; nothing that was found stops it")
    assert "accepted already" in text
    assert "allow=['filesystem']" in text


def test_answers_what_it_does_what_it_could_do_and_what_is_refused_in_this_order() -> None:
    audit, contents = samples.working()
    text = as_text(audit, contents.sources)
    assert text.splitlines()[0] == (
        "models/wine.kbundle: accepted: loads; stops where it would read or write files of this machine (filesystem);"
        " or start, stop or signal processes, or end this one (process)"
    )
    places = [
        text.index(part)
        for part in (
            "Does when loaded or run: by the author's proof; nothing checks that",
            "when loaded   environment  reads HOME",
            "handed on to other code",
            "Could do when called: stopped unless you allow it:",
            "stopped there unless allow=['filesystem']",
            "Refused: nothing",
            "Warnings (1)",
        )
    ]
    assert places == sorted(places)
    assert "so that nothing stops it  bundler.unbundle('models/wine.kbundle', allow=['filesystem', 'process'])" in text


def test_says_that_nobody_watched_rather_than_that_it_does_nothing() -> None:
    assert "Does when loaded or run: nothing is known: no proof watched it" in as_text(samples.audit())
    assert "nothing beyond computing, by the author's proof; nothing checks that" in as_text(samples.audit(uses=()))


def test_the_strict_gate_is_named_and_asks_for_what_could_wait() -> None:
    audit, _ = samples.working()
    text = as_text(dataclasses.replace(audit, gate="strict"))
    assert "needs consent: refused unless allow=['filesystem', 'process']" in text.splitlines()[0]
    assert "default, gate strict" in text
    assert "Could do when called: stopped unless you allow it: nothing" in text


def test_what_the_policy_denies_is_said_to_be_stopped_for_good() -> None:
    audit, _ = samples.working()
    text = as_text(dataclasses.replace(audit, denied=("process",)))
    assert "(process, which the policy denies)" in text.splitlines()[0]
    assert "the policy stops it for good" in text
    assert "allow=['filesystem', 'process']" not in text


def test_shows_the_line_that_a_finding_is_about() -> None:
    audit, contents = samples.wine()
    assert '      | with open(path, encoding="utf-8") as file:' in as_text(audit, contents.sources).splitlines()


def test_lines_are_counted_as_python_counts_them() -> None:
    # str.splitlines ends lines at each of these too, and would show another line than the one that runs.
    source = "a = '\x0c\x0b\x1c\x85\u2028\u2029'\r\nb = open('x')\n"
    text = as_text(samples.audit(samples.OPENS.at("a.py", "open", line=2)), {"a.py": source})
    assert "      | b = open('x')" in text.splitlines()


def test_says_why_once_for_each_rule() -> None:
    findings = [samples.OPENS.at("a.py", f"open number {line}", line=line) for line in range(1, 9)]
    assert as_text(samples.audit(*findings), everything=True).count(samples.OPENS.why) == 1


def test_three_hundred_findings_stay_readable() -> None:
    findings = [samples.OPENS.at(f"m{line % 3}.py", "open", line=line) for line in range(1, 301)]
    audit = samples.audit(*findings)
    short = as_text(audit)
    assert f"and {300 - FIRST} more in 3 members (--all)" in short
    assert len(short.splitlines()) < 40
    assert len(as_text(audit, everything=True).splitlines()) > 300


def test_what_was_not_checked_is_said() -> None:
    lines = as_text(samples.audit()).splitlines()
    place = lines.index("Not checked: nothing is known about")
    assert lines[place + 1].split() == ["known", "advisories", "no", "folder", "of", "OSV", "records", "was", "given"]


def test_nothing_of_a_bundle_steers_the_terminal() -> None:
    audit, contents = samples.hostile()
    for everything in (False, True):
        text = as_text(audit, contents.sources, everything=everything)
        assert all(char == "\n" or char.isprintable() for char in text)
        assert "\u3164" not in text


def test_a_path_with_a_dash_or_a_blank_is_no_option_and_one_word() -> None:
    audit, _ = samples.wine()
    text = as_text(dataclasses.replace(audit, path="-rf x; reboot"))
    assert "kbundle test './-rf x; reboot' --allow filesystem" in text


def test_an_unprintable_path_does_not_break_the_line_to_type() -> None:
    audit, _ = samples.wine()
    text = as_text(dataclasses.replace(audit, path="a\nb\x1b.kbundle"))
    assert r"bundler.unbundle('a\nb\x1b.kbundle', allow=['filesystem'])" in text
