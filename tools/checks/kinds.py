"""Kinds of space: only a kind's own file knows which types are of it. Code elsewhere asks for a fact
of the kind (model/space_kind.h) or calls its runtime, so that a further kind is one file and one
word.
"""
import re

from checks.tree import without_comments

KIND_FILES = re.compile(r"src/(model/kind/|zhost/space/kind_)")
# Drawn at random; nothing depends on it.
ALSO = {"src/zsim/fuzz/life/draw.c"}
TYPE = r"(?:SAMOZA__V1__SPACE_TYPE__|SPACE_)(?:UI|IO|DATA|CHAT|CALL|NATIVE)\b"
ASKED = re.compile(rf"\bcase\s+{TYPE}|[=!]=\s*{TYPE}|{TYPE}\s*[=!]=|\[\s*{TYPE}\s*\]\s*="
                   r"|[=!]=\s*&space_(?:kind|runtime)_\w+")


def check(tree):
    for name in tree.files("src/*.c", "src/*.h"):
        if KIND_FILES.match(name) or name in ALSO:
            continue
        for number, line in enumerate(without_comments(tree.text(name)).splitlines(), 1):
            found = ASKED.search(line)
            if found:
                yield (f"{name}:{number}: asks for a kind of space ({found.group().strip()}): "
                       "ask for a fact of struct space_kind")
