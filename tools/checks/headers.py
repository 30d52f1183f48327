"""Private headers (those that only their own directory includes) with too many prototypes: a sign
that one header stands for several parts."""
import os.path
import re

from checks import layers

MAX = 25


def prototypes(text):
    """Functions that a header declares, without those that it defines inline."""
    code = layers.without_comments(text).replace("\\\n", " ")
    code = re.sub(r"^\s*#.*$", "", code, flags=re.MULTILINE)
    depth, statement, count = 0, "", 0
    for c in code:
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0 and statement.rstrip().endswith(")"):
                statement = ""  # the body of an inline function
        elif depth == 0 and c == ";":
            count += bool(re.search(r"\w\s*\(", re.sub(r"__attribute__\s*\(\(.*\)\)", "", statement,
                                                       flags=re.DOTALL))
                          and not re.match(r"\s*(typedef|struct \w+\s*$|_Static_assert)", statement))
            statement = ""
        elif depth == 0:
            statement += c
    return count


def check(tree):
    users = {}
    for name in tree.sources():
        for _, _, target in layers.includes(tree, name):
            if target is not None:
                users.setdefault(target, set()).add(os.path.dirname(name))
    for name in tree.sources():
        if not name.endswith(".h") or users.get(name, set()) - {os.path.dirname(name)}:
            continue
        count = prototypes(tree.text(name))
        if count > MAX:
            yield f"{name}: {count} prototypes in a private header, at most {MAX}: divide it"
