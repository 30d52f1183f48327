// An explanation as a matrix: what a zhost must satisfy, by zhost, those that are nearest to fit first.
import type { Explained } from '../base/topology_types';

export interface Column { name: string; count: number; isEligible: boolean; isChosen: boolean; score: number; texts: Map<number, string> }
/** Neighbours that fail the same rules. */
export interface Run { columns: Column[]; rules: number[] }
export type Cell = 'holds' | 'alone' | 'ended' | 'fails';

export const COLUMNS = 72; // more than these and alike ones stand together

/** What is asked in several steps is one row: its last step says what is left. */
export function merged(e: Explained): Explained {
  const rules: Explained['rules'] = [];
  const row = e.rules.map((r) => {
    const last = rules.at(-1);
    if (last !== undefined && last.rule === r.rule && last.what === r.what) rules[rules.length - 1] = r;
    else rules.push(r);
    return rules.length - 1;
  });
  return { ...e, rules, zhosts: e.zhosts.map((z) => ({ ...z, failures: z.failures.map((f) => ({ ...f, rule: row[f.rule]! })) })) };
}

const rulesOf = (c: Column) => [...c.texts.keys()].sort((a, b) => a - b);

export function columnsOf(e: Explained): Column[] {
  return e.zhosts.map((z): Column => {
    const texts = new Map<number, string>();
    for (const f of z.failures) texts.set(f.rule, texts.has(f.rule) ? `${texts.get(f.rule)}; ${f.text}` : f.text);
    return { name: z.zhost, count: 1, isEligible: z.eligible, isChosen: z.chosen ?? false, score: z.score ?? 0, texts };
  });
}

export function runsOf(columns: Column[]): Run[] {
  const found = new Map<string, Run>();
  for (const c of columns) {
    const rules = rulesOf(c);
    const key = rules.join(',');
    const run = found.get(key) ?? { columns: [], rules };
    run.columns.push(c);
    found.set(key, run);
  }
  const runs = [...found.values()].sort((a, b) => a.rules.length - b.rules.length || b.columns.length - a.columns.length);
  for (const run of runs) run.columns.sort((a, b) => Number(b.isChosen) - Number(a.isChosen) || b.score - a.score || (a.name < b.name ? -1 : 1));
  if (columns.length <= COLUMNS) return runs;
  return runs.map((run) => {
    const first = run.columns[0]!;
    const rest = run.columns.length - 1;
    return rest === 0 ? run : { ...run, columns: [first, { ...first, name: `${rest} more`, count: rest, isChosen: false }] };
  });
}

/** The rule at which nothing was left; -1: something fits. */
export function deciding(e: Explained): number {
  return e.zhosts.some((z) => z.eligible) ? -1 : e.rules.findIndex((r) => r.left === 0);
}

export function cellOf(column: Column, rule: number, decides: number): Cell {
  if (!column.texts.has(rule)) return 'holds';
  if (column.texts.size === 1 && rule !== decides) return 'alone';
  return rule === decides ? 'ended' : 'fails';
}
