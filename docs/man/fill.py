#!/usr/bin/env python3
"""fill.py TEMPLATE PROGRAM [ARGUMENT...] > PAGE

Puts what the program prints about its own commands and options in the place of @GENERATED@."""

import subprocess
import sys

template, *command = sys.argv[1:]
with open(template, encoding="utf-8") as file:
    text = file.read()
generated = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
sys.stdout.reconfigure(encoding="utf-8")
sys.stdout.write(text.replace("@GENERATED@\n", generated))
