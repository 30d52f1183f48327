"""Static analysis of the whole of src."""
import subprocess


def cppcheck(tree):
    done = subprocess.run(
        ["cppcheck", "-j2", "--quiet", "--std=c11", "--enable=warning,portability",
         "--inline-suppr", "--suppress=missingInclude", "--suppress=syntaxError",
         "--suppress=preprocessorErrorDirective", "--suppress=unknownMacro",
         "--suppress=signConversion", "--template={file}:{line}: {id}: {message}", "-Isrc",
         "src/base", "src/schema", "src/model", "src/core", "src/port"],
        cwd=tree.root, text=True, capture_output=True, check=False)
    yield from (line for line in done.stderr.splitlines() if line.strip())
