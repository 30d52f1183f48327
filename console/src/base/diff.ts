// Two revisions as text, and what differs between them.

export interface DiffLine { kind: 'same' | 'gone' | 'come' | 'gap'; text: string }

const AROUND = 3;
const WHOLE = 1500; // lines for which the exact answer is computed

const isEmpty = (value: unknown) => value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
  || (typeof value === 'object' && !Array.isArray(value) && Object.keys(value as object).length === 0);

const scalar = (value: unknown) => typeof value === 'string' && !/^[A-Za-z0-9@_./*<>=][\w@./ *:<>=()%,-]*$/.test(value) ? JSON.stringify(value) : String(value);

/** As `topology.yaml` would be written. */
export function lines(value: unknown, indent = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => {
    const inner = lines(one, `${indent}  `);
    return [`${indent}- ${inner[0]?.trimStart() ?? ''}`, ...inner.slice(1)];
  });
  if (typeof value !== 'object' || value === null) return [`${indent}${scalar(value)}`];
  return Object.entries(value).filter(([, one]) => !isEmpty(one)).flatMap(([key, one]) =>
    typeof one === 'object' ? [`${indent}${key}:`, ...lines(one, `${indent}  `)] : [`${indent}${key}: ${scalar(one)}`]);
}

/** The longest common part stays, in the middle of what both begin and end with. */
function compare(before: string[], after: string[]): DiffLine[] {
  let head = 0, tail = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const a = before.slice(head, before.length - tail), b = after.slice(head, after.length - tail);
  const made: DiffLine[] = before.slice(0, head).map((text) => ({ kind: 'same', text }));
  if (a.length <= WHOLE && b.length <= WHOLE) {
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--)
      for (let k = b.length - 1; k >= 0; k--)
        longest[i * width + k] = a[i] === b[k] ? longest[(i + 1) * width + k + 1]! + 1 : Math.max(longest[(i + 1) * width + k]!, longest[i * width + k + 1]!);
    let i = 0, k = 0;
    while (i < a.length || k < b.length) {
      if (i < a.length && k < b.length && a[i] === b[k]) { made.push({ kind: 'same', text: a[i]! }); i++; k++; }
      else if (i < a.length && (k >= b.length || longest[(i + 1) * width + k]! >= longest[i * width + k + 1]!)) made.push({ kind: 'gone', text: a[i++]! });
      else made.push({ kind: 'come', text: b[k++]! });
    }
  } else {
    made.push(...a.map((text): DiffLine => ({ kind: 'gone', text })), ...b.map((text): DiffLine => ({ kind: 'come', text })));
  }
  return [...made, ...before.slice(before.length - tail).map((text): DiffLine => ({ kind: 'same', text }))];
}

/** With a few lines around each change; a gap says how many are left out. */
export function difference(before: string[], after: string[]): DiffLine[] {
  const all = compare(before, after);
  const near = all.map(() => false);
  all.forEach((line, k) => { if (line.kind !== 'same') near.fill(true, Math.max(0, k - AROUND), k + AROUND + 1); });
  const shown: DiffLine[] = [];
  let left = 0;
  all.forEach((line, k) => {
    if (!near[k]) { left++; return; }
    if (left > 0) shown.push({ kind: 'gap', text: `${left} lines alike` });
    left = 0;
    shown.push(line);
  });
  if (left > 0 && shown.length > 0) shown.push({ kind: 'gap', text: `${left} lines alike` });
  return shown;
}
