"""Unit tests that no list of the build names: they would run nowhere, and nobody would see it."""
import pathlib


def is_named(path, text):
    """By its file, or by the rest of its name after a prefix that the list's loop has."""
    words = path.stem.split("_")
    return path.name in text or any(
        f"'{'_'.join(words[:k])}_'" in text and f"'{'_'.join(words[k:])}'" in text
        for k in range(1, len(words)))


def check(tree):
    for name in tree.files("tests/unit/*/test_*.c", "tests/unit/*/test_*.py"):
        path = pathlib.PurePosixPath(name)
        lists = str(path.parent / "meson.build")
        if not is_named(path, tree.text(lists) if tree.exists(lists) else ""):
            yield f"{name}: is in no list of {lists}, so that it never runs"
