"""Static analysis of the whole of src."""
import subprocess

# Off, and why:
OFF = {
    "missingInclude": "generated headers; the compilers see them",
    "missingIncludeSystem": "libraries are not analysed",
    "signConversion": "-Wconversion of both compilers is exact",
    "varFuncNullUB": "NULL has the size of a pointer on every machine that we build for",
    "uninitvar": "does not understand that HASH_ITER and DL_FOREACH assign; -Wall does",
    "internalAstError": "does not parse a conditional with two compound literals",
    "autoVariables:src/core/control/state/input_encode.c": "the message is packed before its parts go out of "
                                                           "scope",
    "memleakOnRealloc:src/zrun/wasm/wasm_rt.c": "the process ends when memory runs out",
    "arrayIndexThenCheck:src/adapter/cli/complete.c": "the index is limited by the array's end "
                                                      "mark, not by the number it is compared to",
}


def cppcheck(tree):
    done = subprocess.run(
        ["cppcheck", "-j2", "--quiet", "--std=c11", "--enable=warning,portability",
         "--inline-suppr", *(f"--suppress={name}" for name in OFF),
         "--include=tools/checks/cppcheck.h",
         "--template={file}:{line}: {id}: {message}", "-Isrc", "src"],
        cwd=tree.root, text=True, capture_output=True, check=False)
    yield from (line for line in done.stderr.splitlines() if line.strip())
