"""The manual pages, as the programs' tables make them, are clean mdoc(7)."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = sorted([*pathlib.Path(os.environ["MANUALS"]).glob("*.1"), *(ROOT / "docs/man").glob("*.1")])


def test_every_program_has_a_page():
    names = {page.stem for page in PAGES}
    assert names == {"mex", "startz", "zbench", "zhost", "zrms", "zrun", "zshell", "zsim"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_no_warnings(page):
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(page)], capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_filled_in(page):
    text = page.read_text()
    for section in ("NAME", "DESCRIPTION", "SEE ALSO"):
        assert f"\n.Sh {section}\n" in text, section
    for character in text:
        assert character == "\n" or ord(character) >= 0x20, hex(ord(character))
