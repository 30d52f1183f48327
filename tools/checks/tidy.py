"""clang-tidy over the whole of src, file by file, in parallel.

What it said about a file is kept in BUILD/tidy/ under a hash of all that can change the answer:
the preprocessed text with its comments, the command, the list of checks. The next run analyses
only what has changed since. One process for each file: with several in one process, clang-tidy 14
takes every va_list after the first for uninitialized.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
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

    def key(self, entry):
        words = shlex.split(entry["command"])
        flags = [w for w in words if w.startswith(("-I", "-D", "-std", "-isystem", "-O", "-include"))]
        text = subprocess.run(["clang", "-w", "-E", "-C", *flags, entry["file"]], check=False,
                              cwd=entry["directory"], capture_output=True)
        return hashlib.sha256((self.salt + repr(words)).encode() + text.stdout).hexdigest()

    def look_at(self, name, entry):
        answer = self.kept / self.key(entry)
        if not answer.exists():
            done = subprocess.run(
                ["clang-tidy", "--quiet", "-p", str(self.build), *self.checks,
                 *(self.first if name not in FIRST_NOT else []), str(self.root / name)], cwd=self.root, text=True, capture_output=True, check=False)
            if done.returncode != 0 and not FINDING.search(done.stdout):
                return [f"{name}: clang-tidy: {done.stderr.strip()}"]
            partial = answer.with_suffix(f".{os.getpid()}")
            partial.write_text(done.stdout)
            partial.rename(answer)
        return self.findings(answer.read_text())

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
        files = self.files()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            answers = pool.map(lambda item: self.look_at(*item), sorted(files.items()))
            yield from sorted({finding for findings in answers for finding in findings})
        if not files:
            yield f"{self.build}: no file of src is compiled there"


def lint(tree):
    """The list of .clang-tidy."""
    return Tidy(tree, None).run()


def paths(tree):
    """The static analyzer: minutes, so not in `make check`."""
    return Tidy(tree, PATHS).run()
