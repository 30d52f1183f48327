"""The semantics of WebAssembly as a guest: every numeric instruction on edge values, expressions that a
compiler likes to fold, memory, control, tables. Writes core.wat; the values come from memory, so that no
compiler knows them. The guest emits one message per group: results of 8 bytes each. oracle.mjs runs the same
module in another implementation and keeps what it emits; test_core.c compares.

    generate.py OUTPUT.wat OUTPUT.h

The import "test.case" is "run" or the number of a trap, four digits: its function traps."""
import math
import struct
import sys

from programs import programs

I32 = [0, 1, 2, 3, 7, 31, 32, 33, 0x55555555, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFF80, 0xFFFF8000,
       0xFFFFFFFE, 0xFFFFFFFF, 0x12345678]
I64 = [0, 1, 2, 7, 31, 63, 64, 65, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x5555555555555555,
       0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x8000000000000001, 0xFFFFFFFFFFFFFF80, 0xFFFFFFFF80000000,
       0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF, 0x0020000000000001, 0x0123456789ABCDEF]
NAN32 = [0x7FC00000, 0xFFC00000, 0x7FA00001, 0xFF800001]
NAN64 = [0x7FF8000000000000, 0xFFF8000000000000, 0x7FF4000000000001, 0xFFF0000000000001]
NUMBERS = [0.0, 0.1, 0.5, 0.9, 1.0, 1.5, 2.5, 3.5, 100.25, 4503599627370497.5, 2147483647.0, 2147483648.0,
           2147483648.9, 2147483649.0, 4294967295.0, 4294967295.9, 4294967296.0, 9223372036854774784.0,
           9223372036854775808.0, 18446744073709549568.0, 18446744073709551616.0, 1e300, 5e-324, 1e-310,
           1.7976931348623157e308, math.inf, 3.4028234663852886e38, 3.402823566797337e38, 1.4e-45, 7e-46,
           1.0000001192092896, 16777217.0]


def bits32(x):
    try:
        return struct.unpack('<I', struct.pack('<f', x))[0]
    except OverflowError:
        return 0x7F800000


def bits64(x):
    return struct.unpack('<Q', struct.pack('<d', x))[0]


def unique(values):
    return list(dict.fromkeys(values))


F32 = unique([bits32(s * x) for x in NUMBERS for s in (1, -1)] + NAN32)
F64 = unique([bits64(s * x) for x in NUMBERS for s in (1, -1)] + NAN64)
EDGES = {'i32': I32, 'i64': I64, 'f32': F32, 'f64': F64}
SIZE = {'i32': 4, 'i64': 8, 'f32': 4, 'f64': 8}
AT = {'i32': 0x1000, 'i64': 0x1800, 'f32': 0x2000, 'f64': 0x3000}
OUT = 0x10000
END = 0x20000  # of the memory, before it grows
LOADS = {'i32.load8_s': 1, 'i32.load8_u': 1, 'i32.load16_s': 2, 'i32.load16_u': 2, 'i32.load': 4, 'i64.load8_s': 1,
         'i64.load8_u': 1, 'i64.load16_s': 2, 'i64.load16_u': 2, 'i64.load32_s': 4, 'i64.load32_u': 4, 'i64.load': 8,
         'f32.load': 4, 'f64.load': 8}
STORES = {'i32.store8': 1, 'i32.store16': 2, 'i32.store': 4, 'i64.store8': 1, 'i64.store16': 2, 'i64.store32': 4,
          'i64.store': 8, 'f32.store': 4, 'f64.store': 8}

# Results as i64: as they are, or with every NaN made one, apart by "quiet" only.
KEEP = {'i32': '(i64.extend_i32_u %s)', 'i64': '%s',
        'f32': '(i64.extend_i32_u (i32.reinterpret_f32 %s))', 'f64': '(i64.reinterpret_f64 %s)'}
CANON = dict(KEEP, f32='(call $canon32 %s)', f64='(call $canon64 %s)')

groups = []  # (name, body that stores from OUT on, leaves the end in $out)
traps = []  # (name, kind, body)


def load(kind, index):
    return f'({kind}.load offset={AT[kind]} (i32.mul (local.get {index}) (i32.const {SIZE[kind]})))'


def store(value):
    return f'(i64.store (local.get $out) {value}) (local.set $out (i32.add (local.get $out) (i32.const 8)))'


def loop(index, count, body):
    return f'''(local.set {index} (i32.const 0)) (loop $l{index[1:]}
      {body}
      (br_if $l{index[1:]} (i32.lt_u (local.tee {index} (i32.add (local.get {index}) (i32.const 1)))
        (i32.const {count}))))'''


def unary(name, expression, kind, result, exact=False, guard=None):
    value = (KEEP if exact else CANON)[result] % (expression % f'(local.get ${kind})')
    body = store(value)
    if guard:
        body = f'(if {guard % f"(local.get ${kind})"} (then {body}))'
    groups.append((name, loop('$a', len(EDGES[kind]), f'(local.set ${kind} {load(kind, "$a")}) {body}')))


def binary(name, expression, kind, result, exact=False, guard=None):
    """`expression` has %(a)s and %(b)s."""
    operands = {'a': f'(local.get ${kind})', 'b': f'(local.get ${kind}b)'}
    body = store((KEEP if exact else CANON)[result] % (expression % operands))
    if guard:
        body = f'(if {guard % operands} (then {body}))'
    groups.append((name, loop('$a', len(EDGES[kind]), f'(local.set ${kind} {load(kind, "$a")})' + loop(
        '$b', len(EDGES[kind]), f'(local.set ${kind}b {load(kind, "$b")}) {body}'))))


def pair(instruction):
    return f'({instruction} %(a)s %(b)s)'


def integers(kind):
    low = 'i32.const 0x80000000' if kind == 'i32' else 'i64.const 0x8000000000000000'
    some = f'({kind}.ne %(b)s ({kind}.const 0))'
    fits = f'(i32.and {some} (i32.or ({kind}.ne %(a)s ({low})) ({kind}.ne %(b)s ({kind}.const -1))))'
    for op in 'add sub mul and or xor shl shr_s shr_u rotl rotr'.split():
        binary(f'{kind}.{op}', pair(f'{kind}.{op}'), kind, kind)
    for op in 'div_s div_u rem_s rem_u'.split():
        binary(f'{kind}.{op}', pair(f'{kind}.{op}'), kind, kind, guard=fits if op == 'div_s' else some)
        zero = EDGES[kind].index(0)
        for a in range(3):
            traps.append((f'{kind}.{op} by zero', 'DIVIDE', f'(drop ({kind}.{op} {at(kind, a)} {at(kind, zero)}))'))
    lowest = EDGES[kind].index(1 << (8 * SIZE[kind] - 1))
    minus = EDGES[kind].index((1 << (8 * SIZE[kind])) - 1)
    traps.append((f'{kind}.div_s overflow', 'OVERFLOW', f'(drop ({kind}.div_s {at(kind, lowest)} {at(kind, minus)}))'))
    for op in 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u'.split():
        binary(f'{kind}.{op}', pair(f'{kind}.{op}'), kind, 'i32')
    for op in ['clz', 'ctz', 'popcnt', 'extend8_s', 'extend16_s'] + (['extend32_s'] if kind == 'i64' else []):
        unary(f'{kind}.{op}', f'({kind}.{op} %s)', kind, kind)
    unary(f'{kind}.eqz', f'({kind}.eqz %s)', kind, 'i32')
    for name, e in {
            'div then mul': f'({kind}.mul ({kind}.div_u %(a)s %(b)s) %(b)s)',
            'rem of div': f'({kind}.rem_s ({kind}.div_u %(a)s %(b)s) %(b)s)'}.items():
        binary(f'{kind} {name}', e, kind, kind, guard=some)
    for name, e in {
            'shl then shr_s': f'({kind}.shr_s ({kind}.shl %(a)s %(b)s) %(b)s)',
            'rotl by difference': f'({kind}.rotl %(a)s ({kind}.sub %(b)s %(a)s))',
            'add compared': f'({kind}.add ({kind}.add %(a)s %(b)s) ({kind}.extend8_s %(a)s))'}.items():
        binary(f'{kind} {name}', e, kind, kind)


def at(kind, index):
    return f'({kind}.load (i32.const {AT[kind] + index * SIZE[kind]}))'


def floats(kind):
    for op in 'abs neg'.split():
        unary(f'{kind}.{op}', f'({kind}.{op} %s)', kind, kind, exact=True)
    for op in 'ceil floor trunc nearest sqrt'.split():
        unary(f'{kind}.{op}', f'({kind}.{op} %s)', kind, kind)
    for op in 'add sub mul div min max'.split():
        binary(f'{kind}.{op}', pair(f'{kind}.{op}'), kind, kind)
    binary(f'{kind}.copysign', pair(f'{kind}.copysign'), kind, kind, exact=True)
    for op in 'eq ne lt gt le ge'.split():
        binary(f'{kind}.{op}', pair(f'{kind}.{op}'), kind, 'i32')
    c = f'{kind}.const'
    for name, e in {
            'x * 1': f'({kind}.mul %s ({c} 1))', 'x / 1': f'({kind}.div %s ({c} 1))',
            'x * -1': f'({kind}.mul %s ({c} -1))', 'x / -1': f'({kind}.div %s ({c} -1))',
            'x + 0': f'({kind}.add %s ({c} 0))', 'x - 0': f'({kind}.sub %s ({c} 0))',
            'x + -0': f'({kind}.add %s ({c} -0))', '0 - x': f'({kind}.sub ({c} 0) %s)',
            '-0 - x': f'({kind}.sub ({c} -0) %s)', 'x * 0': f'({kind}.mul %s ({c} 0))',
            'x / 3': f'({kind}.div %s ({c} 3))', 'x / 8': f'({kind}.div %s ({c} 8))',
            'x + nan': f'({kind}.add %s ({c} nan))', 'min inf': f'({kind}.min %s ({c} inf))',
            'trunc of neg': f'({kind}.trunc ({kind}.neg %s))', 'floor + 0.5': f'({kind}.floor ({kind}.add %s ({c} 0.5)))',
            }.items():
        unary(f'{kind} {name}', e, kind, kind)
    for name, e in {
            'x * y + x': f'({kind}.add ({kind}.mul %(a)s %(b)s) %(a)s)',
            'x * y - y': f'({kind}.sub ({kind}.mul %(a)s %(b)s) %(b)s)',
            '(x + y) - y': f'({kind}.sub ({kind}.add %(a)s %(b)s) %(b)s)',
            '(x * y) / y': f'({kind}.div ({kind}.mul %(a)s %(b)s) %(b)s)',
            'x / y * y': f'({kind}.mul ({kind}.div %(a)s %(b)s) %(b)s)',
            'sqrt of x * x + y * y': f'({kind}.sqrt ({kind}.add ({kind}.mul %(a)s %(a)s) ({kind}.mul %(b)s %(b)s)))',
            'x * y + x * y': f'({kind}.add ({kind}.mul %(a)s %(b)s) ({kind}.mul %(a)s %(b)s))',
            'abs of x - y': f'({kind}.abs ({kind}.sub %(a)s %(b)s))'}.items():
        binary(f'{kind} {name}', e, kind, kind)
    for name, e in {
            'not x < y': f'(i32.eqz ({kind}.lt %(a)s %(b)s))',
            'x < y or x >= y': f'(i32.or ({kind}.lt %(a)s %(b)s) ({kind}.ge %(a)s %(b)s))',
            'x == x and y == y': f'(i32.and ({kind}.eq %(a)s %(a)s) ({kind}.eq %(b)s %(b)s))'}.items():
        binary(f'{kind} {name}', e, kind, 'i32')
    binary(f'{kind} select by <', f'(select %(a)s %(b)s ({kind}.lt %(a)s %(b)s))', kind, kind, exact=True)


def number(kind, bits):
    return struct.unpack('<f', struct.pack('<I', bits))[0] if kind == 'f32' else struct.unpack('<d', struct.pack('<Q', bits))[0]


def conversions():
    unary('i32.wrap_i64', '(i32.wrap_i64 %s)', 'i64', 'i32')
    for sign in 'su':
        unary(f'i64.extend_i32_{sign}', f'(i64.extend_i32_{sign} %s)', 'i32', 'i64')
        for f in ('f32', 'f64'):
            for i in ('i32', 'i64'):
                unary(f'{f}.convert_{i}_{sign}', f'({f}.convert_{i}_{sign} %s)', i, f)
                unary(f'{i}.trunc_sat_{f}_{sign}', f'({i}.trunc_sat_{f}_{sign} %s)', f, i)
                truncation(i, f, sign)
    unary('f32.demote_f64', '(f32.demote_f64 %s)', 'f64', 'f32')
    unary('f64.promote_f32', '(f64.promote_f32 %s)', 'f32', 'f64')
    unary('promote of demote', '(f64.promote_f32 (f32.demote_f64 %s))', 'f64', 'f64')
    unary('demote of promote', '(f32.demote_f64 (f64.promote_f32 %s))', 'f32', 'f32')
    binary('demoted sum', '(f32.demote_f64 (f64.add %(a)s %(b)s))', 'f64', 'f32')
    binary('sum of demoted', '(f32.add (f32.demote_f64 %(a)s) (f32.demote_f64 %(b)s))', 'f64', 'f32')
    unary('i32.reinterpret_f32', '(i32.reinterpret_f32 %s)', 'f32', 'i32')
    unary('i64.reinterpret_f64', '(i64.reinterpret_f64 %s)', 'f64', 'i64')
    unary('f32.reinterpret_i32', '(f32.reinterpret_i32 %s)', 'i32', 'f32', exact=True)
    unary('f64.reinterpret_i64', '(f64.reinterpret_i64 %s)', 'i64', 'f64', exact=True)


def truncation(i, f, sign):
    low, high = (-(1 << (8 * SIZE[i] - 1)), 1 << (8 * SIZE[i] - 1)) if sign == 's' else (0, 1 << (8 * SIZE[i]))
    for index, bits in enumerate(EDGES[f]):
        x = number(f, bits)
        name = f'{i}.trunc_{f}_{sign} of {x}'
        instruction = f'({i}.trunc_{f}_{sign} {at(f, index)})'
        if math.isnan(x):
            traps.append((name, 'CONVERSION', f'(drop {instruction})'))
        elif math.isinf(x) or not low <= math.trunc(x) < high:
            traps.append((name, 'OVERFLOW', f'(drop {instruction})'))
        else:
            groups.append((name, store(KEEP[i] % instruction)))


def memory():
    for name in ('i32.load8_s', 'i32.load8_u', 'i32.load16_s', 'i32.load16_u', 'i32.load', 'i64.load8_s', 'i64.load8_u',
                 'i64.load16_s', 'i64.load16_u', 'i64.load32_s', 'i64.load32_u', 'i64.load'):
        groups.append((name, loop('$a', 64, store(KEEP[name[:3]] % f'({name} offset={AT["i64"]} align=1 (local.get $a))'))))
    for kind in ('f32', 'f64'):
        groups.append((f'{kind}.load and store', loop('$a', len(EDGES[kind]), f'''
          ({kind}.store align=1 (i32.const 0x8003) {load(kind, '$a')})''' + store(
              KEEP[kind] % f'({kind}.load align=1 (i32.const 0x8003))'))))
    for name in ('i32.store8', 'i32.store16', 'i32.store', 'i64.store8', 'i64.store16', 'i64.store32', 'i64.store'):
        kind = name[:3]
        groups.append((name, loop('$a', len(EDGES[kind]), f'''
          (memory.fill (i32.const 0x8000) (i32.const 0xa5) (i32.const 16))
          ({name} align=1 (i32.const 0x8003) {load(kind, '$a')})''' + store('(i64.load (i32.const 0x8000))') + store(
              '(i64.load (i32.const 0x8008))'))))
    move = ''
    for to, start, size in ((0x8000, 0x8003, 9), (0x8003, 0x8000, 9), (0x8005, 0x8005, 4), (0x8000, 0x8000, 0)):
        move += f'(i64.store (i32.const 0x8000) {at("i64", 21)}) (i64.store (i32.const 0x8008) {at("i64", 12)})'
        move += f'(memory.copy (i32.const {to}) (i32.const {start}) (i32.const {size}))'
        move += store('(i64.load (i32.const 0x8000))') + store('(i64.load (i32.const 0x8008))')
    groups.append(('memory.copy', move))
    groups.append(('the last bytes', ''.join(
        store(KEEP[name[:3]] % f'({name} (i32.const {END - size}))') for name, size in LOADS.items())))
    nothing = ''.join(f'({instruction} (i32.const {to}) (i32.const 0) (i32.const 0))' for instruction, to in (
        ('memory.fill', END), ('memory.copy', END), ('memory.init $passive', END), ('memory.init $active', END),
        ('memory.init $nothing', END), ('table.init $late', 12), ('table.init $imports', 12), ('table.init $none', 12),
        ('table.init $declared', 12), ('table.copy', 12)))
    groups.append(('nothing at the end', f'''{nothing} (memory.copy (i32.const 0) (i32.const {END}) (i32.const 0))
      (table.copy (i32.const 0) (i32.const 12) (i32.const 0))
      (memory.init $passive (i32.const 0) (i32.const 10) (i32.const 0)) (table.init $late (i32.const 0) (i32.const 2) (i32.const 0))
      (data.drop $active) (data.drop $nothing) (elem.drop $imports) (elem.drop $none) (elem.drop $declared)''' + store(
          '(i64.const 1)')))
    groups.append(('memory.init', '(memory.init $passive (i32.const 0x8000) (i32.const 2) (i32.const 8))' + store(
        '(i64.load (i32.const 0x8000))') + '(data.drop $passive) (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 0))'))
    groups.append(('memory.grow', store(KEEP['i32'] % '(memory.size)') + store(KEEP['i32'] % '(memory.grow (i32.const 1))')
                   + store(KEEP['i32'] % '(memory.size)') + store(KEEP['i32'] % '(memory.grow (i32.const 1000))')
                   + store(KEEP['i32'] % '(memory.grow (i32.const -1))') + store(KEEP['i32'] % '(memory.grow (i32.const 0))')
                   + store(KEEP['i32'] % '(i32.load (i32.const 0x2fffc))')))
    for name, size in dict(LOADS, **STORES).items():
        value = f'({name[:3]}.const 0)' if name in STORES else ''
        instruction = f'({name} (i32.const {END - size + 1}) {value})'
        traps.append((f'{name} around the end', 'OOB', instruction if value else f'(drop {instruction})'))
        # An address is a sum of 33 bits: this one does not begin again at 0.
        instruction = f'({name} offset=0xffffffff (i32.const 9) {value})'
        traps.append((f'{name} around 4 GiB', 'OOB', instruction if value else f'(drop {instruction})'))
    for to, start, size in ((-1, 0, 1), (-1, 0, 2), (0, -1, 2), (2, 1, -1), (-1, -1, -1), (END, 0, 1), (0, END, 1)):
        for name in ('memory.copy', 'memory.fill', 'memory.init $passive', 'table.copy', 'table.init $late'):
            if name == 'memory.fill' and start or name[:5] == 'table' and END in (to, start):
                continue
            traps.append((f'{name} of {size} from {start} to {to}', 'OOB',
                          f'({name} (i32.const {to}) (i32.const {start}) (i32.const {size}))'))
    for name, to in (('memory.init $nothing', END + 1), ('memory.copy', END + 1), ('table.init $none', 13), ('table.copy', 13)):
        traps.append((f'{name} of nothing beyond the end', 'OOB', f'({name} (i32.const {to}) (i32.const 0) (i32.const 0))'))
    for name in ('memory.init $nothing', 'table.init $none', 'table.init $declared'):
        traps.append((f'{name} of something', 'OOB', f'({name} (i32.const 0) (i32.const 0) (i32.const 1))'))
    for name, body in {
            'memory.init of what was dropped': '(data.drop $passive) (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 1))',
            'memory.init of an active segment': '(memory.init $active (i32.const 0) (i32.const 0) (i32.const 1))',
            'memory.init beyond its segment': '(memory.init $passive (i32.const 0) (i32.const 8) (i32.const 3))',
            'memory.copy around the end': '(memory.copy (i32.const 0x1ffff) (i32.const 0) (i32.const 2))',
            'memory.fill of nothing beyond the end': '(memory.fill (i32.const 0x20001) (i32.const 0) (i32.const 0))',
            'table.init of an active segment': '(table.init $imports (i32.const 0) (i32.const 0) (i32.const 1))',
            'table.init of what was dropped': '(elem.drop $late) (table.init $late (i32.const 0) (i32.const 0) (i32.const 1))',
            'table.init beyond the table': '(table.init $late (i32.const 11) (i32.const 0) (i32.const 2))',
            'table.copy beyond the table': '(table.copy (i32.const 0) (i32.const 11) (i32.const 2))'}.items():
        traps.append((name, 'OOB', body))
    for name, body in {
            'indirect call of an import of another type': '(drop (call_indirect (type $now) (i32.const 0)))',
            'indirect call of another type': '(drop (call_indirect (type $i) (i32.const 1)))',
            'indirect call of one with other parameters': '''(call_indirect (type $pair) (i32.const 0) (f32.const 0)
              (call $slot_of_swap)) (drop) (drop)''',
            'indirect call of one with other results': '''(drop (call_indirect (type $i64_f64) (i32.const 0) (f64.const 0)
              (call $slot_of_swap)))''',
            'indirect call of one without results': '(call_indirect (type $v) (i32.const 0))',
            'indirect call of the last index': '(drop (call_indirect (type $i) (i32.const -1)))',
            'indirect call of null that was copied': '(table.copy (i32.const 0) (i32.const 9) (i32.const 1)) (drop (call_indirect (type $i) (i32.const 0)))',
            'indirect call of null': '(drop (call_indirect (type $i) (i32.const 9)))',
            'indirect call beyond the table': '(drop (call_indirect (type $i) (i32.const 12)))'}.items():
        traps.append((name, 'INDIRECT', body))
    traps.append(('unreachable', 'UNREACHABLE', '(unreachable)'))


def control():
    groups.append(('br_table', loop('$a', 9, store(KEEP['i32'] % '(call $branch (i32.sub (local.get $a) (i32.const 2)))'))))
    groups.append(('factorial', loop('$a', 22, store('(call $factorial (i64.extend_i32_u (local.get $a)))'))))
    groups.append(('several results', loop('$a', 9, f'''
      (call $swap (local.get $a) (f64.load offset={AT['f64']} (i32.mul (local.get $a) (i32.const 8))))
      (local.set $i32) (local.set $f64)''' + store(KEEP['i32'] % '(local.get $i32)') + store(KEEP['f64'] % '(local.get $f64)'))))
    groups.append(('loop with parameters', loop('$a', 9, store('(call $fibonacci (i32.add (local.get $a) (i32.const 1)))'))))
    groups.append(('stack-polymorphic code', loop('$a', 4, store(KEEP['i32'] % '(call $dead (local.get $a))'))))
    groups.append(('globals', store('(global.get $gj)') + store(KEEP['f32'] % '(global.get $gf)') + store(
        KEEP['f64'] % '(global.get $gd)') + '(global.set $gj (i64.add (global.get $gj) (i64.const 3)))' + store('(global.get $gj)')))
    groups.append(('several results through the table', loop('$a', 3, f'''
      (call_indirect (type $swap) (local.get $a) (f64.load offset={AT['f64']} (i32.mul (local.get $a) (i32.const 8)))
        (call $slot_of_swap))
      (local.set $i32) (local.set $f64)''' + store(KEEP['i32'] % '(local.get $i32)') + store(KEEP['f64'] % '(local.get $f64)'))))
    groups.append(('an import that is there twice', store(KEEP['i32'] % '(call $yield_again)') + store(
        KEEP['i32'] % '(call_indirect (type $same) (i32.const 0))')))
    move = '(table.init $late (i32.const 4) (i32.const 0) (i32.const 2))'
    for to, start, size in ((5, 4, 2), (4, 5, 2), (3, 3, 4)):
        move += f'(table.copy (i32.const {to}) (i32.const {start}) (i32.const {size}))'
    groups.append(('table.copy that overlaps', move + store(KEEP['i32'] % '(call_indirect (type $i) (i32.const 4))') + store(
        KEEP['i32'] % '(call_indirect (type $ii) (i32.const 1) (i32.const 5))') + store(
            KEEP['i32'] % '(call_indirect (type $ii) (i32.const 1) (i32.const 6))')))
    groups.append(('imports through the table', store(KEEP['i32'] % '(call_indirect (type $i) (i32.const 0))') + store(
        KEEP['i32'] % '(i64.gt_s (call_indirect (type $now) (i32.const 1)) (i64.const 1500000000000))') + store(
            KEEP['i32'] % '''(call_indirect (type $iiii) (i32.const 0) (i32.const 9) (i32.const 0x8100) (i32.const 3)
              (i32.const 2))''') + store(KEEP['i32'] % '(i32.load8_u (i32.const 0x8100))') + store(
                  KEEP['i32'] % '(call_indirect (type $ii) (i32.const 5) (i32.const 3))') + '''
      (table.init $late (i32.const 4) (i32.const 0) (i32.const 2)) (table.copy (i32.const 6) (i32.const 0) (i32.const 3))
      (elem.drop $late)''' + store(KEEP['i32'] % '(call_indirect (type $i) (i32.const 4))') + store(
          KEEP['i32'] % '(call_indirect (type $ii) (i32.const 20) (i32.const 5))') + store(
              KEEP['i32'] % '(call_indirect (type $i) (i32.const 6))') + store(
                  KEEP['i32'] % '(i64.gt_s (call_indirect (type $now) (i32.const 7)) (i64.const 1500000000000))')))


PROGRAMS = 30


def random_programs():
    for n in range(PROGRAMS):
        groups.append((f'random function {n}', loop('$a', 12, f'''(memory.fill (i32.const 0x4000) (i32.const 0x5a) (i32.const 0x4000))
      (global.set $fuel (i32.const 300))
      ''' + store(f'''(call $random{n} {load('i32', '$a')} {load('i64', '$a')}
        (f32.load offset={AT['f32']} (i32.mul (local.get $a) (i32.const 20)))
        (f64.load offset={AT['f64']} (i32.mul (local.get $a) (i32.const 40))))'''))))


for kind in ('i32', 'i64'):
    integers(kind)
for kind in ('f32', 'f64'):
    floats(kind)
conversions()
memory()
control()
random_programs()


def data(kind):
    return ''.join(f'\\{byte:02x}' for value in EDGES[kind] for byte in value.to_bytes(SIZE[kind], 'little'))


LOCALS = '''(local $out i32) (local $a i32) (local $b i32) (local $i32 i32) (local $i32b i32) (local $i64 i64)
    (local $i64b i64) (local $f32 f32) (local $f32b f32) (local $f64 f64) (local $f64b f64)'''
merged = {}
for name, body in groups:  # one-value groups of the same instruction become one
    key = name.split(' of ')[0] if '.trunc_f' in name else name
    merged[key] = merged.get(key, '') + body
functions = '\n'.join(f'''  (func $g{n} (result i32) {LOCALS} (local.set $out (i32.const {OUT}))
    {body}
    (local.get $out))''' for n, body in enumerate(merged.values()))
trapping = '\n'.join(f'  (func $t{n} {body})' for n, (_, _, body) in enumerate(traps))
WAT = f'''(module
  (type $i (func (result i32)))
  (type $ii (func (param i32) (result i32)))
  (type $iiii (func (param i32 i32 i32 i32) (result i32)))
  (type $now (func (result i64)))
  (type $v (func))
  (type $same (func (result i32)))
  (type $swap (func (param i32 f64) (result f64 i32)))
  (type $pair (func (param i32 f32) (result f64 i32)))
  (type $i64_f64 (func (param i32 f64) (result f64)))
  (import "sys" "yield" (func $yield (type $i)))
  (import "sys" "now" (func $now (type $now)))
  (import "sys" "import_get" (func $import_get (type $iiii)))
  (import "net" "emit_to" (func $emit (type $iiii)))
  (import "wasi_snapshot_preview1" "fd_sync" (func $nosys (type $ii)))
  (import "sys" "yield" (func $yield_again (type $same)))
  (memory (export "memory") 2 3)
  (global $gj (mut i64) (i64.const -5))
  (global $fuel (mut i32) (i32.const 0))
  (global $gf f32 (f32.const nan:0x200001))
  (global $gd f64 (f64.const -0x1p-1074))
  (table $main 12 funcref)
  (elem $imports (i32.const 0) $yield $now $import_get $nosys)
  (elem $late func $yield $nosys)
  (elem (i32.const 11) $swap)
  (elem $none func)
  (elem $declared declare func $factorial)
  (data $active (i32.const 0) "test.casep")
  {' '.join(f'(data (i32.const {AT[k]}) "{data(k)}")' for k in EDGES)}
  (data $passive "passive...")
  (data $nothing "")
  (func $slot_of_swap (result i32) (i32.const 11))
  (func $canon32 (param $x f32) (result i64)
    (if (result i64) (f32.eq (local.get $x) (local.get $x))
      (then (i64.extend_i32_u (i32.reinterpret_f32 (local.get $x))))
      (else (i64.extend_i32_u (i32.or (i32.const 0x7f800001)
        (i32.and (i32.reinterpret_f32 (local.get $x)) (i32.const 0x400000)))))))
  (func $canon64 (param $x f64) (result i64)
    (if (result i64) (f64.eq (local.get $x) (local.get $x))
      (then (i64.reinterpret_f64 (local.get $x)))
      (else (i64.or (i64.const 0x7ff0000000000001)
        (i64.and (i64.reinterpret_f64 (local.get $x)) (i64.const 0x8000000000000))))))
  (func $burn (result i32)
    (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
    (i32.gt_s (global.get $fuel) (i32.const 0)))
  (func $branch (param i32) (result i32)
    (block $d (block $c (block $b (block $a (br_table $a $b $a $c $d (local.get 0)))
      (return (i32.const 10))) (return (i32.const 11))) (return (i32.const 12))) (i32.const 13))
  (func $factorial (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 1))
      (else (i64.mul (local.get 0) (call $factorial (i64.sub (local.get 0) (i64.const 1)))))))
  (func $swap (type $swap) (param i32 f64) (result f64 i32) (local.get 1) (local.get 0))
  (func $fibonacci (param i32) (result i64) (local i64)
    (i64.const 0) (i64.const 1)
    (loop $l (param i64 i64) (result i64)
      (local.set 1) (local.get 1) (i64.add) (local.get 1)
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) )
      (drop)))
  (func $dead (param i32) (result i32)
    (block (result i32)
      (if (i32.eq (local.get 0) (i32.const 1)) (then (br 1 (i32.const 5)) (drop) (i32.add) (drop)))
      (block (result i32)
        (br_if 1 (i32.const 6) (i32.eq (local.get 0) (i32.const 2))) (drop)
        (return (i32.const 7)) (unreachable) (select) (i32.clz))))
{programs(PROGRAMS, 1)}
{functions}
{trapping}
  (func $run
{chr(10).join(f'    (drop (call $emit (i32.const 9) (i32.const 1) (i32.const {OUT}) (i32.sub (call $g{n}) (i32.const {OUT}))))' for n in range(len(merged)))})
  (func $trap (param i32)
{chr(10).join(f'    (if (i32.eq (local.get 0) (i32.const {n})) (then (call $t{n})))' for n in range(len(traps)))})
  (func $digit (param i32) (result i32) (i32.sub (i32.load8_u offset=0x9000 (local.get 0)) (i32.const 48)))
  ;; A function of the host, exported again: zrun calls it.
  (export "on_init" (func $yield))
  (func (export "on_process") (result i32)
    (drop (call $import_get (i32.const 0) (i32.const 9) (i32.const 0x9000) (i32.const 4)))
    (if (i32.eq (i32.load8_u (i32.const 0x9000)) (i32.const 0x72))
      (then (call $run))
      (else (call $trap (i32.add (i32.add (i32.mul (call $digit (i32.const 0)) (i32.const 1000))
        (i32.mul (call $digit (i32.const 1)) (i32.const 100))) (i32.add
        (i32.mul (call $digit (i32.const 2)) (i32.const 10)) (call $digit (i32.const 3)))))))
    (i32.const 1)))
'''
HEADER = f'''/* Written by generate.py. */
static const char *const core_groups[] = {{
{chr(10).join(f'	"{name}",' for name in merged)}
}};
static const struct {{
	const char *name, *text;
}} core_traps[] = {{
{chr(10).join(f'	{{"{name}", {kind}}},' for name, kind, _ in traps)}
}};
'''
with open(sys.argv[1], 'w', encoding='ascii') as out:
    out.write(WAT)
with open(sys.argv[2], 'w', encoding='ascii') as out:
    out.write(HEADER)
