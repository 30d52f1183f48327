"""Each code of a refusal and of a FailureReason has a section in the manual, each section there is of a code, and the sources make
no FailureReason and no refusal without one of them."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
MANUAL = ROOT / "docs" / "manual"
# A refusal by a literal code: of a route, and of what stands before routes.
LITERAL = re.compile(r"""(?:http_reply_failure\(\s*[^,()]+,|\brefuse\(|\.status = )\s*\d{3},\s*(?:\.code = )?"([a-z-]+)\"""", re.DOTALL)


def printed(kind):
    lines = subprocess.run([os.environ["PRINT_CODES"]], capture_output=True, text=True, check=True).stdout.splitlines()
    codes = [line.split("\t")[1] for line in lines if line.startswith(kind + "\t")]
    assert len(codes) == len(set(codes)) > 5
    return set(codes)


def sources():
    return {p.relative_to(ROOT).as_posix(): p.read_text() for p in sorted((ROOT / "src").rglob("*.[ch]"))}


def sections(page):
    """What stands below each heading of a code."""
    found = re.findall(r"^### ([^\n]*)\n(.*?)(?=^##|\Z)", (MANUAL / page).read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == len({code for code, _ in found}), "a heading stands there twice"
    return dict(found)


def literal_refusals():
    codes = {code for text in sources().values() for code in LITERAL.findall(text)}
    assert {"busy", "session", "limit", "denied"} <= codes, "the pattern finds the calls"
    return codes


def test_each_reason_has_a_section_and_each_section_a_reason():
    assert set(sections("reasons.md")) == printed("reason")


def test_each_refusal_has_a_section_and_each_section_a_refusal():
    assert set(sections("refusals.md")) == printed("refusal") | literal_refusals()


@pytest.mark.parametrize("page", ["reasons.md", "refusals.md"])
def test_a_section_has_an_example_what_it_means_and_what_to_do(page):
    for code, text in sections(page).items():
        example, rest = re.fullmatch(r"\n```text\n(.+?)\n```\n(.*)", text, re.DOTALL).groups()
        assert example.strip() != "", code
        paragraphs = [p for p in rest.strip().split("\n\n") if p]
        assert len(paragraphs) >= 2, f"{code}: what it means, and what to do"
        assert not re.search(r"^#", rest, re.MULTILINE), code


def test_a_reason_is_made_in_one_place_alone():
    """With its code: the fields of views and records are filled from one that failure.h has made."""
    for path, text in sources().items():
        if path in ("src/model/failure.c", "src/core/control/state/format1.c") or path.startswith("src/zshell/"):
            continue
        assert not re.search(r"->failure_(reason|code) = ", text), f"{path}: use failure_show()"
        assert not re.search(r"\(struct failure_reason\)\{(?!0\})", text), f"{path}: use failure_new()"
        assert not re.search(r"\bfailure_(new|take)\((FAILURE_NONE|0)", text), path


def test_each_rule_of_placement_names_its_code():
    rules = sorted((ROOT / "src/core/place/rule").glob("*.c"))
    found = {rule.name: re.search(r"^const struct place_rule rule_\w+ = \{.*?^\};", rule.read_text(), re.MULTILINE | re.DOTALL) for rule in rules}
    codes = {name: re.findall(r"\.code = (FAILURE_[A-Z_]+),", match.group(0)) for name, match in found.items() if match}
    assert all(len(code) == 1 for code in codes.values()), codes
    # Those of amounts have one sentence, and one code.
    amounts = {name: codes.pop(name)[0] for name in ("cpu.c", "memory.c", "devices.c")}
    assert set(amounts.values()) == {"FAILURE_CAPACITY"}
    others = [code for code, in codes.values()]
    assert len(others) >= 8 and len(others) == len(set(others)) and "FAILURE_CAPACITY" not in others, codes
