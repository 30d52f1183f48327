#!/usr/bin/python3
"""Writes the files of the console as a C table (src/zrms/console_files.h), compressed where that makes them smaller.

    embed.py OUTPUT [DIRECTORY]

DIRECTORY is what build.mjs has made. Without it the table is empty, and zrms says at `/` that it has no console.
"""
import gzip
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8"}
A_LINE = 24


def array(name, data):
    lines = [data[k:k + A_LINE] for k in range(0, len(data), A_LINE)]
    return f"static const unsigned char {name}[] = {{\n" + "\n".join(
        "\t" + "".join(f"{byte}," for byte in line) for line in lines) + "\n};\n"


def main():
    output = pathlib.Path(sys.argv[1])
    directory = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    files = sorted(f for f in directory.rglob("*") if f.is_file()) if directory is not None else []
    text = ['#include "zrms/console_files.h"\n\n#include <stddef.h>\n\n']
    entries = []
    for k, file in enumerate(files):
        data = file.read_bytes()
        packed = gzip.compress(data, 9, mtime=0)
        is_smaller = len(packed) < len(data) * 0.95
        text.append(array(f"file_{k}", data))
        if is_smaller:
            text.append(array(f"packed_{k}", packed))
        name = "" if file.name == "index.html" else file.name
        digest = hashlib.sha256(data).hexdigest()[:32]
        of_packed = f"packed_{k}, sizeof(packed_{k})" if is_smaller else "NULL, 0"
        entries.append(f'\t{{"{name}", "{TYPES[file.suffix]}", "\\"{digest}\\"", file_{k}, sizeof(file_{k}), {of_packed}}},\n')
    text.append("const struct console_file console_files[] = {\n" + "".join(entries) + "\t{NULL},\n};\n")
    output.write_text("".join(text))


if __name__ == "__main__":
    main()
