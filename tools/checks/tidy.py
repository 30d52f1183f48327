"""clang-tidy over the whole of src, file by file, in parallel.

What it said about a file is kept in BUILD/tidy/ under a hash of all that can change the answer:
the file and all that it included when it was built, the command, the list of checks. The next run
analyses only what has changed since. One process for each file: with several in one process,
clang-tidy 14 takes every va_list after the first for uninitialized.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess

# The path-sensitive checks, and why some are off:
PATHS = ["-*", "clang-analyzer-*",
         # wants the _s functions of C11 Annex K, which glibc does not have
         "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling",
         # takes what uthash and utlist still hold for freed: they keep their links in the elements
         "-clang-analyzer-unix.Malloc",
         # needs to know what the functions of other files promise; the sanitizers see the rest
         "-clang-analyzer-core.NullDereference", "-clang-analyzer-core.NonNullParamChecker",
         # finds steal_ptr(), and results that are set before a branch which sets them again
         "-clang-analyzer-deadcode.DeadStores",
         # fields are in the order in which they are read
         "-clang-analyzer-optin.performance.Padding"]
# They define what analyzer.h wraps, or have nothing of ours.
FIRST_NOT = {"src/base/error.c"}
FINDING = re.compile(r"(?P<file>[^:\s][^:]*):(?P<line>\d+):\d+: (?:warning|error): (?P<text>.*)$")


class Tidy:
    def __init__(self, tree, checks):
        self.root = tree.root.resolve()
        self.build = tree.build.resolve()
        self.sources = set(tree.sources())
        self.checks = [] if checks is None else ["--checks=" + ",".join(checks)]
        self.first = [] if checks is None else [
            f"--extra-arg=-include{self.root}/tools/checks/analyzer.h",
            f"--extra-arg=-I{self.root}/src"]
        self.kept = self.build / "tidy"
        self.kept.mkdir(exist_ok=True)
        version = subprocess.run(["clang-tidy", "--version"], text=True, check=True,
                                 capture_output=True).stdout
        self.salt = version + (self.root / ".clang-tidy").read_text() + repr(self.checks)
        if self.first:
            self.salt += (self.root / "tools/checks/analyzer.h").read_text()

    def files(self):
        """Each source of the tree that is compiled: its name, directory and command."""
        found = {}
        for entry in json.loads((self.build / "compile_commands.json").read_text()):
            path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
            if path.is_relative_to(self.root):
                name = str(path.relative_to(self.root))
                if name in self.sources:
                    found.setdefault(name, entry)
        return found

    def included(self):
        """What each object was made of, the source first, as ninja keeps it."""
        found, files = {}, None
        text = subprocess.run(["ninja", "-C", str(self.build), "-t", "deps"], text=True, check=True,
                              capture_output=True).stdout
        for line in text.splitlines():
            if line.startswith(" "):
                files.append(line.strip())
            elif ": #deps" in line:
                files = found.setdefault(line.split(":")[0], [])
        return found

    @functools.lru_cache(maxsize=None)
    def hash_of(self, name):
        path = self.build / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none"

    def key(self, entry, included):
        """None: it was not built, so that nobody knows what it includes."""
        if entry["output"] not in included:
            return None
        files = [(name, self.hash_of(name)) for name in included[entry["output"]]]
        return hashlib.sha256((self.salt + entry["command"] + repr(files)).encode()).hexdigest()

    def analyse(self, name):
        return subprocess.run(
            ["clang-tidy", "--quiet", "-p", str(self.build), *self.checks,
             *(self.first if name not in FIRST_NOT else []), str(self.root / name)],
            cwd=self.root, text=True, capture_output=True, check=False)

    def look_at(self, name, entry, included):
        key = self.key(entry, included)
        if key is not None and (self.kept / key).exists():
            return self.findings((self.kept / key).read_text())
        done = self.analyse(name)
        if done.returncode != 0 and not FINDING.search(done.stdout):
            return [f"{name}: clang-tidy: {done.stderr.strip()}"]
        if key is not None:
            partial = self.kept / f"{key}.{os.getpid()}"
            partial.write_text(done.stdout)
            partial.rename(self.kept / key)
        return self.findings(done.stdout)

    def findings(self, text):
        found = []
        for line in text.splitlines():
            match = FINDING.match(line)
            if match is None:
                continue
            path = pathlib.Path(match["file"])
            path = (path if path.is_absolute() else self.build / path).resolve()
            if path.is_relative_to(self.root) and str(path.relative_to(self.root)) in self.sources:
                found.append(f"{path.relative_to(self.root)}:{match['line']}: {match['text']}")
        return found

    def run(self):
        files, included = self.files(), self.included()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            answers = pool.map(lambda item: self.look_at(*item, included), sorted(files.items()))
            yield from sorted({finding for findings in answers for finding in findings})
        if not files:
            yield f"{self.build}: no file of src is compiled there"


def lint(tree):
    """The list of .clang-tidy."""
    return Tidy(tree, None).run()


def paths(tree):
    """The static analyzer: minutes, so not in `make check`."""
    return Tidy(tree, PATHS).run()
