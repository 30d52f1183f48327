"""States have one spelling for the API and one word for people, in the specification, the glossary,
the core and zshell."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| `([a-z-]+)` \|(.*)\|$", re.MULTILINE)


def section(path, heading):
    """The text below a heading, up to the next heading."""
    text = (ROOT / path).read_text()
    found = re.search(rf"^#+ {re.escape(heading)}.*?\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{path} has no section '{heading}'"
    return found.group(1)


def cells(row):
    return [cell.strip() for cell in row.split("|")]


def specified():
    """API spelling: word for people."""
    rows = ROW.findall(section("docs/spec/lifecycle.md", "States"))
    return {state: cells(rest)[1] for state, rest in rows}


def sources(directory):
    return "\n".join(p.read_text() for p in sorted((ROOT / directory).rglob("*.[ch]")))


def test_the_specification_lists_the_ten_states():
    assert len(specified()) == 10


def test_the_glossary_has_the_pairs_of_the_specification():
    rows = ROW.findall(section("docs/glossary.md", "States of an instance"))
    assert {state: cells(rest)[0] for state, rest in rows} == specified()


def test_the_core_has_the_pairs_of_the_specification():
    printed = subprocess.run([os.environ["PRINT_STATES"]], capture_output=True, text=True,
                             check=True).stdout
    assert dict(line.split("\t") for line in printed.splitlines()) == specified()


def test_zshell_has_the_pairs_that_differ():
    zshell = sources("src/zshell")
    differing = {s: w for s, w in specified().items() if s != w}
    assert differing
    for state, word in differing.items():
        assert re.search(rf'"{state}",\s*"{re.escape(word)}"', zshell), state


def test_the_topology_states_are_the_same_everywhere():
    spec = [state for state, _ in ROW.findall(section("docs/spec/topology.md", "States"))]
    glossary = re.findall(r"`([a-z]+)`", section("docs/glossary.md", "States of a topology"))
    core = sources("src/core")
    assert sorted(spec) == sorted(glossary)
    for state in spec:
        assert f'"{state}"' in core, state
