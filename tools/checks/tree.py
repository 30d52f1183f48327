"""The tree that is checked: its files, their text, and what the compiler made of them.

Tests plant a violation by laying a text, or an object file, over the tree's own.
"""
import copy
import fnmatch
import functools
import json
import pathlib
import re
import subprocess


class NoBuild(Exception):
    """There is no build directory to look at."""


@functools.cache
def without_comments(text):
    """C code with comments and the contents of strings blanked; lines and columns stay."""
    def blank(found):
        part = found.group()
        if part.startswith("/"):
            return re.sub(r"[^\n]", " ", part)
        return part[0] + re.sub(r"[^\n]", " ", part[1:-1]) + part[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.DOTALL)


class Tree:
    """As it is when it is first looked at: what was read of it is kept."""

    def __init__(self, root, build=None):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build) if build else self.root / "build"
        self.texts = {}
        self.planted_objects = {}
        self.listed = {}  # by patterns
        self.read = {}  # by name
        self.there = {}  # whether it is, by name
        self.objects_found = {}

    def planted(self, texts=None, objects=None):
        """The same tree with these over its own; what was read is shared."""
        other = copy.copy(self)
        other.texts = texts or {}
        other.planted_objects = objects or {}
        return other

    def files(self, *patterns):
        if patterns not in self.listed:
            done = subprocess.run(["git", "ls-files", *patterns], cwd=self.root, text=True,
                                  check=True, capture_output=True)
            self.listed[patterns] = [line for line in done.stdout.splitlines()
                                     if (self.root / line).exists()]
        names = self.listed[patterns]
        planted = [name for name in self.texts
                   if any(fnmatch.fnmatch(name, p) for p in patterns or ["*"])]
        return sorted(set(names) | set(planted))

    def text(self, name):
        if name in self.texts:
            return self.texts[name]
        if name not in self.read:
            self.read[name] = (self.root / name).read_text(errors="replace")
        return self.read[name]

    def exists(self, name):
        if name not in self.there:
            self.there[name] = (self.root / name).is_file()
        return name in self.texts or self.there[name]

    def sources(self):
        """C files of the product, without those that are compiled for guests."""
        return [name for name in self.files("src/*.c", "src/*.h")
                if not re.search("/(template|guest|runtime)/", name)]

    def objects(self):
        """Object files by the source that they were made of, relative to the tree; those of
        generated sources by their path below the build directory."""
        if not self.objects_found:
            commands = self.build / "compile_commands.json"
            if not commands.exists():
                raise NoBuild(f"{self.build} holds no build; run `make build` first")
            found = {}
            for entry in json.loads(commands.read_text()):
                directory = pathlib.Path(entry["directory"])
                source = (directory / entry["file"]).resolve()
                path = directory / entry["output"]
                if source.is_relative_to(self.root.resolve()) and not source.is_relative_to(
                        self.build.resolve()):
                    name = str(source.relative_to(self.root.resolve()))
                else:
                    name = str(pathlib.Path("build") / source.relative_to(self.build.resolve()))
                if name.startswith("src/") and not path.exists():
                    raise NoBuild(f"{self.build} is not complete; run `make build` first")
                found.setdefault(name, path)
            self.objects_found.update(found)
        return {**self.objects_found, **self.planted_objects}
