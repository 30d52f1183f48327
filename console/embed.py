#!/usr/bin/python3
"""Writes files of a directory as a C table (src/zrms/embedded_files.h), compressed where that makes them smaller.

    embed.py OUTPUT NAME [--packed] [DIRECTORY]

NAME is that of the table. DIRECTORY is what console/build.mjs or docs/manual/build.mjs has made; without it the table is empty.
--packed: what is compressed is not there in plain form, too.
"""
import gzip
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".png": "image/png"}
A_LINE = 24


def array(name, data):
    lines = [data[k:k + A_LINE] for k in range(0, len(data), A_LINE)]
    return f"static const unsigned char {name}[] = {{\n" + "\n".join(
        "\t" + "".join(f"{byte}," for byte in line) for line in lines) + "\n};\n"


def main():
    output, name_of_table = pathlib.Path(sys.argv[1]), sys.argv[2]
    is_packed_only = sys.argv[3:4] == ["--packed"]
    rest = sys.argv[4 if is_packed_only else 3:]
    directory = pathlib.Path(rest[0]) if rest else None
    files = sorted(f for f in directory.rglob("*") if f.is_file()) if directory is not None else []
    text = ['#include "zrms/embedded_files.h"\n\n#include <stddef.h>\n\n']
    entries = []
    for k, file in enumerate(files):
        data = file.read_bytes()
        packed = gzip.compress(data, 9, mtime=0)
        is_smaller = len(packed) < len(data) * 0.95
        is_plain = not (is_packed_only and is_smaller)
        if is_plain:
            text.append(array(f"file_{k}", data))
        if is_smaller:
            text.append(array(f"packed_{k}", packed))
        name = "" if file.name == "index.html" else file.name
        digest = hashlib.sha256(data).hexdigest()[:32]
        of_packed = f"packed_{k}, sizeof(packed_{k})" if is_smaller else "NULL, 0"
        entries.append(f'\t{{"{name}", "{TYPES[file.suffix]}", "\\"{digest}\\"", {f"file_{k}" if is_plain else "NULL"}, {len(data)}, {of_packed}}},\n')
    text.append(f"const struct embedded_file {name_of_table}[] = {{\n" + "".join(entries) + "\t{NULL},\n};\n")
    output.write_text("".join(text))


if __name__ == "__main__":
    main()
