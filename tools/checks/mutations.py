"""Mutations: each text that tests/mutations/*.toml replaces is in its file, once. tools/mutate applies them."""
import re
import tomllib


KEYS = {"name", "invariant", "words", "seed", "seeds", "search", "scenario", "unit", "edit"}
NEEDED = {"name", "words", "edit"}
EDIT_KEYS = {"file", "old", "new"}


class OutOfDate(Exception):
    """The code is no longer what a mutation changes."""


class WrongTable(Exception):
    """Which mutation of a table is not written as one, and what is wrong with it."""


def name_at(text, line):
    """The name of the mutation that this line, from 1, belongs to."""
    before = "\n".join(text.splitlines()[:line]).rpartition("[[mutation]]")[2]
    found = re.search(r'^name = "(.*)"', before, re.M)
    return found[1] if found else "?"


def entries(text):
    """The mutations of a table, as it stands in its file. A `[[mutation]]` line that is lost puts the keys of its entry
    into the last edit of the one before."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # also a key that is there twice
        at = re.search(r"at line (\d+)", str(error))
        raise WrongTable(f"{name_at(text, int(at[1])) if at else '?'}: {error}") from error
    if set(table) - {"mutation"}:
        raise WrongTable(f"unknown: {', '.join(sorted(set(table) - {'mutation'}))}; expected [[mutation]]")
    for mutation in table.get("mutation", []):
        name = mutation.get("name", "?")
        wrong = set(mutation) - KEYS | NEEDED - set(mutation)
        if wrong:
            raise WrongTable(f"{name}: unknown or missing: {', '.join(sorted(wrong))}")
        for edit in mutation["edit"]:
            wrong = set(edit) ^ EDIT_KEYS
            if wrong:
                raise WrongTable(f"{name}: unknown or missing in an edit: {', '.join(sorted(wrong))}; "
                                 "is the line [[mutation]] after it there?")
    return table.get("mutation", [])


def replaced(text, edit):
    """White space in `old` stands for any white space: a new line width changes nothing."""
    pattern = r"\s+".join(re.escape(word) for word in edit["old"].split())
    count = len(re.findall(pattern, text))
    if count != 1:
        raise OutOfDate(f"{edit['file']} has its text {count} times: "
                        f"{' '.join(edit['old'].split())}")
    return re.sub(pattern, lambda _: edit["new"].strip("\n"), text)


def applied(mutation, read):
    """The files that it changes, as they are with all of its edits, one after the other. read(name)
    returns the text of a file; None: there is no such file."""
    changed = {}
    for edit in mutation["edit"]:
        name = edit["file"]
        text = changed[name] if name in changed else read(name)
        if text is None:
            raise OutOfDate(f"there is no {name}")
        changed[name] = replaced(text, edit)
    return changed


def check(tree):
    def read(name):
        return tree.text(name) if tree.exists(name) else None

    for table in tree.files("tests/mutations/*.toml"):
        try:
            mutations = entries(tree.text(table))
        except WrongTable as error:
            yield f"{table}: {error}"
            continue
        for mutation in mutations:
            try:
                applied(mutation, read)
            except OutOfDate as error:
                yield f"{table}: {mutation['name']}: out of date: {error}"
            scenario = mutation.get("scenario")
            if scenario is not None and not tree.exists(f"tests/scenario/{scenario}.yaml"):
                yield f"{table}: {mutation['name']}: there is no scenario {scenario}"
