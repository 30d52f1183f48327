"""A program on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

DEADLINE = 60


class Terminal:
    def __init__(self, env, *words, columns=80, program=None):
        self.master, slave = pty.openpty()
        self.text = ""
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        self.process = subprocess.Popen(program or [os.environ["ZSHELL"], *words], stdin=slave, stdout=slave,
                                        stderr=slave, env=env, close_fds=True,
                                        preexec_fn=self.own_terminal)
        os.close(slave)

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))

    @staticmethod
    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Reads until the pattern stands in what was not expected yet; gives what led to it."""
        end = time.monotonic() + DEADLINE
        while True:
            found = re.search(pattern, self.text, re.S)
            if found:
                before, self.text = self.text[:found.end()], self.text[found.end():]
                return before
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            try:
                data = os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                data = ""
            if not data:
                raise AssertionError(f"ended without {pattern!r}: {self.text!r}")
            self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data)

    def rest(self):
        """Everything until the program ends, and its status."""
        end = time.monotonic() + DEADLINE
        while True:
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"it does not end: {self.text!r}")
            try:
                data = os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                data = ""
            if not data:
                return self.text.replace("\r\n", "\n"), self.process.wait(DEADLINE)
            self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data)

    def close(self):
        if self.master >= 0:
            self.process.kill()
            self.process.wait(DEADLINE)
            os.close(self.master)
        self.master = -1
