"""Text: unfinished words, format, scripts that do not parse, citations that lead nowhere."""
import re
import subprocess

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def words(tree):
    for name in tree.files("*.c", "*.h", "*.py", "*.js", "*.mjs", "*.sh", "*.proto", "*.md",
                           "*.build", "Makefile", "tools/*"):
        if name == "tools/checks/text.py":
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{name}:{number}: unfinished: {line.strip()}"


def formatting(tree):
    names = tree.files("src/*.[ch]", "tests/*.[ch]", "guest/*.[ch]", "examples/*.[ch]")
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=tree.root,
                          text=True, capture_output=True, check=False)
    seen = set()
    for line in done.stderr.splitlines():
        found = re.match(r"([^:]+):(\d+):\d+: error", line)
        if found and found.group(1) not in seen:
            seen.add(found.group(1))
            yield f"{found.group(1)}:{found.group(2)}: not formatted; run make format"


def scripts(tree):
    for name in tree.files("tools/*", ".ci/run", "packaging/*", "tests/*.py"):
        first = tree.text(name).split("\n", 1)[0]
        if name.endswith(".py") or (first.startswith("#!") and "python" in first):
            try:
                compile(tree.text(name), name, "exec")
            except SyntaxError as error:
                yield f"{name}:{error.lineno}: {error.msg}"
        elif first.startswith("#!") and first.rstrip().endswith("sh"):
            shell = first.rsplit("/", 1)[1].split()[-1]
            done = subprocess.run([shell, "-n", str(tree.root / name)], text=True,
                                  capture_output=True, check=False)
            if done.returncode:
                yield f"{name}: {done.stderr.strip()}"


def citations(tree):
    """tools/check-citations follows every citation of the specification."""
    done = subprocess.run([str(tree.root / "tools" / "check-citations")], cwd=tree.root,
                          text=True, capture_output=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        yield from lines or [f"tools/check-citations: exit status {done.returncode}"]
