"""A page of docs/howto as a test runs it: its command blocks, in order, none left out; and shells to run them in."""
import re
import subprocess

INDENT = "    "


class Page:
    """The indented blocks below a range of headings."""

    def __init__(self, file, after=None, before=None):
        text = file.read_text()
        for heading in (after, before):
            assert heading is None or text.count(f"\n## {heading}\n") == 1, heading
        if after is not None:
            text = text.split(f"\n## {after}\n")[1]
        if before is not None:
            text = text.split(f"\n## {before}\n")[0]
        self.text, self.blocks, block = text, [], []
        for line in [*text.splitlines(), ""]:
            if line.startswith(INDENT):
                block.append(line.removeprefix(INDENT))
            elif block:
                self.blocks.append("\n".join(block))
                block = []

    def block(self, *words):
        """The next one, which has those words."""
        assert self.blocks, f"no block is left, expected one with {words}"
        found = self.blocks.pop(0)
        assert all(word in found for word in words), (words, found)
        return found

    def phrase(self, *words):
        """The one command within a sentence that has those words."""
        found, = {p for p in re.findall(r"`([^`]+)`", self.text.replace("\n", " ")) if all(word in p for word in words)}
        return found

    def says(self, words):
        assert words in " ".join(self.text.split()), words

    def end(self):
        assert not self.blocks, f"no test runs this: {self.blocks}"


class Shell:
    """A shell of a person on a machine: what it has exported, the next block knows. `enter`: words before a command
    that is run there; `home`: where it stands."""

    def __init__(self, enter, home):
        self.enter, self.home = enter, home

    def words(self, text):
        return [*map(str, self.enter), "bash", "-c",
                f"cd {self.home} && {{ [ ! -e .exported ] || . ./.exported; }} && set -e\n{text}\nexport -p >.exported\n"]

    def run(self, text, paste="", check=True, timeout=240):
        """What is pasted is what the block reads."""
        done = subprocess.run(self.words(text), input=paste + "\n", text=True, capture_output=True, timeout=timeout, check=False)
        print(f"$ {text}\n{done.stdout}{done.stderr}")  # pytest shows it where the test fails
        assert not check or done.returncode == 0, f"exit {done.returncode} of\n{text}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def popen(self, text, **options):
        return subprocess.Popen(self.words(text), stdin=subprocess.DEVNULL, **options)
