"""A module in which every index that can only be 0 has five bytes (80 80 80 80 00), as linkers leave room for
what they fill in later: call_indirect, table.init, table.copy, memory.size, memory.grow, memory.copy,
memory.fill, memory.init; also names, sizes and constants.

    padded.py OUTPUT.wasm"""
import sys


def leb(n):
    """Always five bytes."""
    return bytes([n & 0x7F | 0x80, n >> 7 & 0x7F | 0x80, n >> 14 & 0x7F | 0x80, n >> 21 & 0x7F | 0x80, n >> 28 & 0x7F])


def section(number, content):
    return bytes([number]) + leb(len(content)) + content


def name(text):
    return leb(len(text)) + text


ZERO = leb(0)


def const(n):
    return b'\x41' + leb(n)


code = b''.join([
    b'\x00',  # no locals
    const(0), const(1), const(1), b'\xfc' + leb(12) + leb(1) + ZERO,  # table.init: slot 0 from element 1
    const(1), const(0), const(1), b'\xfc\x0e' + ZERO + ZERO,  # table.copy: slot 1
    const(8), const(0), const(4), b'\xfc\x08' + leb(1) + ZERO,  # memory.init: 01 02 03 04 at 8
    const(16), const(8), const(2), b'\xfc\x0a' + ZERO + ZERO,  # memory.copy: 01 02 at 16
    const(17), const(9), const(1), b'\xfc\x0b' + ZERO,  # memory.fill: 9 at 17
    const(1), b'\x11' + leb(0) + ZERO,  # call_indirect of slot 1: 20
    const(16), b'\x2d' + leb(0) + leb(0), b'\x6a',  # + 1
    const(17), b'\x2d' + leb(0) + leb(0), b'\x6a',  # + 9
    const(2), b'\x40' + ZERO, b'\x6a',  # + memory.grow: 3 pages before
    b'\x3f' + ZERO, b'\x6a',  # + memory.size: 5
    const(0), b'\x2d' + leb(0) + leb(0), b'\x6a',  # + 4, from the active data segment
    b'\x0b'])
helper = b'\x00' + const(20) + b'\x0b'
module = b'\0asm\1\0\0\0' + b''.join([
    section(1, leb(1) + b'\x60' + leb(0) + leb(1) + b'\x7f'),
    section(3, leb(2) + leb(0) + leb(0)),
    section(4, leb(1) + b'\x70\x00' + leb(2)),
    section(5, leb(1) + b'\x00' + leb(3)),
    section(7, leb(2) + name(b'on_process') + b'\x00' + leb(1) + name(b'other') + b'\x00' + leb(0)),
    section(9, leb(2) + leb(2) + ZERO + const(0) + b'\x0b\x00' + leb(1) + leb(1) +
            leb(1) + b'\x00' + leb(2) + leb(1) + leb(0)),
    section(12, leb(2)),
    section(10, leb(2) + leb(len(helper)) + helper + leb(len(code)) + code),
    section(11, leb(2) + leb(2) + ZERO + const(0) + b'\x0b' + leb(1) + b'\x04' + leb(1) + leb(4) + b'\1\2\3\4')])
with open(sys.argv[1], 'wb') as out:
    out.write(module)
