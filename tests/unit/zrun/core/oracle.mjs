// Runs core.wasm in Node.js and writes what it emits: for each message its size (32 bits) and its bytes. Fails
// where a trap of the list in core.h is none, or another one.
//
//     oracle.mjs core.wasm core.h OUTPUT
import { readFileSync, writeFileSync } from 'node:fs'

const [wasm, header, output] = process.argv.slice(2)
const module = new WebAssembly.Module(readFileSync(wasm))
const traps = [...readFileSync(header, 'latin1').matchAll(/^\t\{"(.*)", ([A-Z]+)\},$/gm)]
const words = {
  DIVIDE: /by zero/,
  OVERFLOW: /unrepresentable/,
  CONVERSION: /unrepresentable/,
  OOB: /out of bounds/,
  INDIRECT: /signature mismatch|index is out of bounds/,
  UNREACHABLE: /unreachable/,
}

function run(testCase) {
  const messages = []
  const bytes = (at, size) => new Uint8Array(instance.exports.memory.buffer, at, size)
  const instance = new WebAssembly.Instance(module, {
    sys: {
      yield: () => 0,
      now: () => BigInt(Date.now()),
      import_get(name, nameSize, to, capacity) {
        const value = Buffer.from(testCase)
        bytes(to, capacity).set(value.subarray(0, capacity))
        return value.length
      },
    },
    net: {
      emit_to(to, toSize, at, size) {
        const head = Buffer.alloc(4)
        head.writeUInt32LE(size)
        messages.push(head, Buffer.from(bytes(at, size)))
        return 0
      },
    },
    wasi_snapshot_preview1: { fd_sync: () => 52 },
  })
  if (instance.exports.on_process() !== 1) throw new Error('on_process does not return 1')
  return Buffer.concat(messages)
}

if (traps.length === 0) throw new Error(`no traps in ${header}`)
traps.forEach(([, name, kind], number) => {
  try {
    run(String(number).padStart(4, '0'))
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError && words[kind].test(error.message)) return
    throw new Error(`${name}: ${error.message}`)
  }
  throw new Error(`${name}: no trap`)
})
writeFileSync(output, run('run'))
