"""Data segments that overlap, touch, lie apart and fill whole pages. on_process gives 42 when the memory has what
they write, in their order; then it overwrites it, for the next instance of the same native code to find out.

    data.py OUTPUT.wat"""
import random
import sys

PAGES = 64
SIZE = PAGES * 65536
PRIME, MASK = 0x100000001B3, (1 << 64) - 1

chance = random.Random(7)
memory = bytearray(SIZE)
segments = [(5, b'first'), (8, b'over'), (0, b''), (SIZE, b''), (SIZE - 3, b'end'), (SIZE - 8, b'12345678'), (300, b'x' * 64),
            (70001, chance.randbytes(200000)), (70000, b'!'), (250000, chance.randbytes(100000)), (269999, b'edge'),
            (655360, chance.randbytes(65536)), (655360 + 65536, b'touches'), (1310720 + 100, chance.randbytes(66000)),
            (1310720, b'page'), (1310720 + 196608 - 1, b'?'), (2000000, chance.randbytes(65535))]
segments += [(3000000 + 4096 * n, bytes([n & 0xFF])) for n in range(100)]
segments += [(chance.randrange(SIZE - 300), chance.randbytes(chance.randrange(1, 300))) for _ in range(200)]
for at, content in segments:
    memory[at:at + len(content)] = content
expected = 0
for at in range(0, SIZE, 8):
    expected = (expected ^ int.from_bytes(memory[at:at + 8], 'little')) * PRIME & MASK
data = '\n'.join(f'  (data (i32.const {at}) "{"".join(f"{chr(92)}{byte:02x}" for byte in content)}")' for at, content in segments)
with open(sys.argv[1], 'w', encoding='ascii') as out:
    out.write(f'''(module
  (memory {PAGES})
{data}
  (func (export "on_process") (result i32) (local $at i32) (local $sum i64)
    (loop $next
      (local.set $sum (i64.mul (i64.xor (local.get $sum) (i64.load (local.get $at))) (i64.const {PRIME})))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const {SIZE}))))
    (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const {SIZE}))
    (select (i32.const 42) (i32.const 1) (i64.eq (local.get $sum) (i64.const {expected})))))
''')
