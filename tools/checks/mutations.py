"""Mutations: each text that tests/mutations/*.toml replaces is in its file, once. tools/mutate applies them."""
import re
import tomllib


class OutOfDate(Exception):
    """The code is no longer what a mutation changes."""


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
        for mutation in tomllib.loads(tree.text(table)).get("mutation", []):
            try:
                applied(mutation, read)
            except OutOfDate as error:
                yield f"{table}: {mutation['name']}: out of date: {error}"
            scenario = mutation.get("scenario")
            if scenario is not None and not tree.exists(f"tests/scenario/{scenario}.yaml"):
                yield f"{table}: {mutation['name']}: there is no scenario {scenario}"
