;; The second segment ends beyond the memory: the instance traps before its first instruction.
(module
  (memory 1)
  (data (i32.const 0) "fits")
  (data (i32.const 65535) "ab")
  (data $also_empty (i32.const 65536) "")
  (func (export "on_process") (result i32) (i32.const 1)))
