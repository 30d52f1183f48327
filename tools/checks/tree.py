"""The tree that is checked: its files, their text, and what the compiler made of them.

Tests plant a violation by laying a text, or an object file, over the tree's own.
"""
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
    def __init__(self, root, build=None, texts=None, objects=None):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build) if build else self.root / "build"
        self.texts = texts or {}
        self.planted_objects = objects or {}
        self.objects_found = None

    def files(self, *patterns):
        done = subprocess.run(["git", "ls-files", *patterns], cwd=self.root, text=True,
                              check=True, capture_output=True)
        names = [line for line in done.stdout.splitlines() if (self.root / line).exists()]
        planted = [name for name in self.texts
                   if any(fnmatch.fnmatch(name, p) for p in patterns or ["*"])]
        return sorted(set(names) | set(planted))

    def text(self, name):
        if name in self.texts:
            return self.texts[name]
        return (self.root / name).read_text(errors="replace")

    def exists(self, name):
        return name in self.texts or (self.root / name).is_file()

    def sources(self):
        """C files of the product, without those that are compiled for guests."""
        return [name for name in self.files("src/*.c", "src/*.h")
                if not re.search("/(template|guest|runtime)/", name)]

    def objects(self):
        """Object files by the source that they were made of, relative to the tree; those of
        generated sources by their path below the build directory."""
        if self.objects_found is None:
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
            self.objects_found = found
        return {**self.objects_found, **self.planted_objects}
