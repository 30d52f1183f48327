"""Unit tests that no list of the build names: they would run nowhere, and nobody would see it."""
import pathlib


def check(tree):
    for name in tree.files("tests/unit/*/test_*.c", "tests/unit/*/test_*.py"):
        path = pathlib.PurePosixPath(name)
        lists = str(path.parent / "meson.build")
        text = tree.text(lists) if tree.exists(lists) else ""
        short = path.stem.removeprefix("test_")
        if path.name not in text and f"'{short}'" not in text:
            yield f"{name}: is in no list of {lists}, so that it never runs"
