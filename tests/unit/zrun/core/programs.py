"""Random functions for generate.py: structured control with parameters and several results, branches that carry
values, calls, memory; the same for each seed. They end, because loops and calls share a tank of fuel. No bits of a NaN but whether it
is one reach a result."""
import random

TYPES = ['i32', 'i64', 'f32', 'f64']
BINARY = {
    'i32': 'add sub mul and or xor shl shr_s shr_u rotl rotr'.split(),
    'i64': 'add sub mul and or xor shl shr_s shr_u rotl rotr'.split(),
    'f32': 'add sub mul div min max'.split(),
    'f64': 'add sub mul div min max'.split()}
COMPARE = {
    'i32': 'eq ne lt_s lt_u gt_s ge_u'.split(), 'i64': 'eq ne lt_s lt_u gt_s ge_u'.split(),
    'f32': 'eq ne lt gt le ge'.split(), 'f64': 'eq ne lt gt le ge'.split()}
UNARY = [
    ('i32', 'i32', 'clz ctz popcnt extend8_s extend16_s eqz'), ('i64', 'i64', 'clz ctz popcnt extend8_s extend32_s'),
    ('f32', 'f32', 'neg abs sqrt ceil floor trunc nearest'), ('f64', 'f64', 'neg abs sqrt ceil floor trunc nearest'),
    ('i64', 'i32', 'wrap_i64'), ('i32', 'i64', 'extend_i32_s extend_i32_u'), ('f64', 'f32', 'demote_f64'),
    ('f32', 'f64', 'promote_f32'), ('i32', 'f32', 'convert_i32_s convert_i32_u'), ('i64', 'f64', 'convert_i64_s convert_i64_u'),
    ('f32', 'i32', 'trunc_sat_f32_s trunc_sat_f32_u'), ('f64', 'i64', 'trunc_sat_f64_s trunc_sat_f64_u')]
LOCALS = 3  # of each type, beside the parameters
CONSTANTS = {'i32': ['0', '1', '-1', '7', '0x80000000', '31'], 'i64': ['0', '1', '-1', '0x8000000000000000', '63'],
             'f32': ['0', '-0', '1.5', 'inf', '1e-40', '3e9'], 'f64': ['0', '-0', '0.1', 'inf', '5e-324', '1e19']}


class Function:
    def __init__(self, chance, number):
        self.chance, self.number = chance, number
        self.code, self.labels, self.budget = [], [], 60

    def emit(self, text):
        self.code.append(text)

    def local(self, kind):
        return f'${kind}_{self.chance.randrange(LOCALS + 1)}'

    def push(self, kind):
        if self.chance.random() < 0.3:
            self.emit(f'{kind}.const {self.chance.choice(CONSTANTS[kind])}')
        else:
            self.emit(f'local.get {self.local(kind)}')

    def condition(self):
        """An i32 that is 0 once the fuel is used up ($burn gives 0 then, 1 before)."""
        self.push('i32')
        self.emit('(call $burn) (i32.and) (i32.const 1) (i32.and)')

    def some(self, most):
        return [self.chance.choice(TYPES) for _ in range(self.chance.randrange(most + 1))]

    def settle(self, stack, wanted):
        """From what is on the stack to what is wanted: what fits at the bottom stays."""
        kept = 0
        while kept < min(len(stack), len(wanted)) and stack[kept] == wanted[kept]:
            kept += 1
        for kind in reversed(stack[kept:]):
            self.emit(f'local.set {self.local(kind)}')
        for kind in wanted[kept:]:
            self.push(kind)

    def operator(self, stack):
        fits = [(result, op) for kind, result, ops in UNARY if stack and kind == stack[-1] for op in ops.split()]
        if len(stack) > 1 and stack[-1] == stack[-2]:
            kind = stack[-1]
            if self.chance.random() < 0.3:
                self.emit(f'{kind}.{self.chance.choice(COMPARE[kind])}')
                stack[-2:] = ['i32']
            elif self.chance.random() < 0.3:
                self.push('i32')
                self.emit('select')
                stack.pop()
            else:
                self.emit(f'{kind}.{self.chance.choice(BINARY[kind])}')
                stack.pop()
        elif fits:
            result, op = self.chance.choice(fits)
            self.emit(f'{result}.{op}')
            stack[-1] = result

    def memory(self, stack):
        kind = self.chance.choice(['i32', 'i64'])
        self.push('i32')
        self.emit('(i32.const 0x3ff0) (i32.and) (i32.const 0x4000) (i32.add)')
        if self.chance.random() < 0.5:
            self.push(kind)
            self.emit(f'{kind}.{self.chance.choice(["store", "store8", "store16"])}')
        else:
            self.emit(f'{kind}.{self.chance.choice(["load", "load8_s", "load16_u"])}')
            stack.append(kind)

    def nested(self, stack, depth):
        taken = self.chance.randrange(min(3, len(stack)) + 1)
        params = stack[len(stack) - taken:]
        results = self.some(3)
        kind = self.chance.choice(['block', 'loop', 'if'])
        signature = ''.join(f' (param {p})' for p in params) + ''.join(f' (result {r})' for r in results)
        if kind == 'if':
            self.condition()
        self.emit(f'{kind}{signature}')
        self.labels.append(params if kind == 'loop' else results)
        self.body(list(params), results, depth + 1)
        if kind == 'if':
            self.emit('else')
            self.body(list(params), results, depth + 1)
        self.labels.pop()
        self.emit('end')
        stack[len(stack) - taken:] = results

    def branch(self, stack):
        depth = self.chance.randrange(len(self.labels))
        types = self.labels[-1 - depth]
        for kind in types:
            self.push(kind)
        self.condition()
        self.emit(f'br_if {depth}')
        stack += types

    def table(self, stack):
        """Only out of blocks that have the same results, and inwards of one of its own."""
        types = self.chance.choice(self.labels)
        self.emit('block' + ''.join(f' (result {t})' for t in types))
        same = [0] + [1 + n for n, label in enumerate(reversed(self.labels)) if label == types]
        for kind in types:
            self.push(kind)
        self.condition()
        self.push('i32')
        self.emit('(i32.const 7) (i32.and) (i32.mul)')
        targets = ' '.join(str(self.chance.choice(same)) for _ in range(5))
        self.emit(f'br_table 0 {targets} 0 end')
        stack += types

    def call(self, stack):
        for kind in TYPES:
            self.push(kind)
        self.emit('call $burn')
        self.emit('if (param i32 i64 f32 f64) (result i64)')
        self.emit(f'call $random{self.chance.randrange(self.number)} else drop drop drop drop i64.const 3 end')
        stack.append('i64')

    def body(self, stack, wanted, depth):
        for _ in range(self.chance.randrange(3, 9)):
            self.budget -= 1
            choice = self.chance.random()
            if len(stack) > 6:
                self.emit(f'local.set {self.local(stack.pop())}')
            elif choice < 0.25:
                kind = self.chance.choice(TYPES)
                self.push(kind)
                stack.append(kind)
            elif choice < 0.55:
                self.operator(stack)
            elif choice < 0.62:
                self.memory(stack)
            elif choice < 0.72 and self.labels:
                self.branch(stack)
            elif choice < 0.77 and self.labels:
                self.table(stack)
            elif choice < 0.8 and self.number > 0 and depth < 2:
                self.call(stack)
            elif depth < 4 and self.budget > 0:
                self.nested(stack, depth)
        self.settle(stack, wanted)

    def text(self):
        self.body([], [], 0)
        params = ' '.join(f'(param ${t}_{LOCALS} {t})' for t in TYPES)
        own = ' '.join(f'(local ${t}_{n} {t})' for t in TYPES for n in range(LOCALS))
        values = [f'(i64.extend_i32_u (local.get $i32_{n}))' for n in range(LOCALS)]
        values += [f'(local.get $i64_{n})' for n in range(LOCALS)]
        values += [f'(call $canon32 (local.get $f32_{n}))' for n in range(LOCALS)]
        values += [f'(call $canon64 (local.get $f64_{n}))' for n in range(LOCALS)]
        result = '(i64.const 0)'
        for value in values:
            result = f'(i64.xor (i64.mul {result} (i64.const 0x100000001b3)) {value})'
        code = '\n    '.join(self.code)
        return f'''  (func $random{self.number} {params} (result i64) {own}
    {code}
    {result})'''


def programs(count, seed):
    chance = random.Random(seed)
    return '\n'.join(Function(chance, n).text() for n in range(count))
