#!/usr/bin/env python3
"""fill.py TEMPLATE PROGRAM > PAGE

Fills the marks of a manual page (@COMMANDS@, @OPTIONS@, ...) with what PROGRAM --print-manual says
of its own tables. A part that the template leaves out, or a mark without a part, is an error."""

import re
import subprocess
import sys

PART = re.compile(r'^\.\\" @([A-Z]+)@\n', re.MULTILINE)
MARK = re.compile(r"^@([A-Z]+)@\n", re.MULTILINE)


def parts(text):
    pieces = PART.split(text)
    return dict(zip(pieces[1::2], pieces[2::2]))


def main():
    template, program = sys.argv[1:]
    with open(template, encoding="utf-8") as file:
        page = file.read()
    generated = parts(subprocess.run([program, "--print-manual"], check=True, capture_output=True,
                                     encoding="utf-8").stdout)
    marks = MARK.findall(page)
    unknown = [m for m in marks if not generated.get(m)]
    # Variables of commands' options may be described by hand, once, in one sentence.
    left_out = [n for n, text in generated.items()
                if text and n not in marks and not (n == "ENVIRONMENT" and ".Sh ENVIRONMENT" in page)]
    if unknown or left_out:
        sys.exit(f"{template}: nothing for {unknown}, no mark for {left_out}")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(MARK.sub(lambda m: generated[m.group(1)], page))


if __name__ == "__main__":
    main()
