"""Nothing of what zrms computes may become quadratic in secret: each part of `growth` is run at a size n and at 4 n, and
the instructions of both are compared. Time says nothing on a busy machine; instructions are the same everywhere.

    test_growth.py PROGRAM [WORD…]     parts whose names have one of the words; all without

4 n costs 4 times as much where each of n costs the same, 16 times where each looks at all others. Exit status: 0, 1 a
part grows faster than its bound, 77 there is no valgrind.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FEWEST = 20000  # instructions: what has fewer has done nothing


def run(program, words, directory):
    """The list of parts, and the instructions by the name of each dump."""
    # meson has malloc fill what it gives, at random.
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_PERTURB_"}
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={directory}/out", program, *words],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, env=environment)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}{program}: exit {done.returncode}")
    counts = {}
    for dump in pathlib.Path(directory).glob("out.*"):
        text = dump.read_text()
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        if name:
            counts[name[1]] = int(re.search(r"^totals: (\d+)$", text, re.M)[1])
    return [line.split("\t") for line in done.stdout.splitlines()], counts


def main():
    if shutil.which("valgrind") is None:
        print("there is no valgrind: tools/setup test installs it")
        return 77
    program, *words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        parts, counts = run(program, words, directory)
    failed = []
    print(f"{'':42}{'n':>5}{'instructions':>15}{'with 4 n':>15}{'times':>8}{'at most':>9}")
    for name, n, bound in parts:
        small, large = counts[f"{name}/{n}"], counts[f"{name}/{4 * int(n)}"]
        growth = large / small
        print(f"{name:42}{n:>5}{small:>15,}{large:>15,}{growth:>8.2f}{bound:>9}")
        if growth > float(bound):
            failed.append(f"{name}: {growth:.2f} times as much for 4 times as many, {bound} at most")
        if small < FEWEST:
            failed.append(f"{name}: {small} instructions, it does nothing")
    if not parts:
        failed.append("there is no such part")
    for line in failed:
        print(f"FAILED: {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
