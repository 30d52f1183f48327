// zhosts × rules: filled is what alone stands in the way. One stop of the tabulator; arrows go from cell to cell.
import { useState } from 'preact/hooks';
import type { Explained } from '../base/topology_types';
import { number, plural } from '../base/words';
import { cellOf, columnsOf, deciding, merged, runsOf, type Cell, type Column, type Run } from '../graph/verdicts';
import { arrows } from './arrows';
import { Card } from './card';
import { zhostPage } from './sentence';

const WIDE = 14; // columns that have room for names and words
const NAMES: Record<Cell, string> = { holds: 'satisfies', alone: 'all that it lacks', ended: 'rule at which the search ended', fails: 'fails' };

/** Without the name that stands before it. */
function what(rule: { rule: string; what?: string }): string {
  const text = rule.what ?? '';
  return text === rule.rule ? '' : text.startsWith(`${rule.rule} `) ? text.slice(rule.rule.length + 1) : text;
}

function runText(run: Run, e: Explained): string {
  const count = run.columns.reduce((sum, c) => sum + c.count, 0);
  if (run.rules.length === 0) return run.columns[0]!.isChosen && count === 1 ? 'it is there' : count === 1 ? 'fits' : `${number(count)} fit`;
  if (run.rules.length === 1) return count > 3 ? `${number(count)} lack only ${e.rules[run.rules[0]!]?.rule ?? ''}` : `lacks only ${e.rules[run.rules[0]!]?.rule ?? ''}`;
  return count > 2 ? `${number(count)} fail ${run.rules.length} rules` : `${run.rules.length} rules`;
}

export function RuleMatrix({ of: explained }: { of: Explained }) {
  const [said, say] = useState('');
  const of = merged(explained);
  const runs = runsOf(columnsOf(of));
  const columns = runs.flatMap((run) => run.columns);
  const decides = deciding(of);
  const kinds = new Set<Cell>();
  const tell = (c: Column, k: number) => `${c.name}, ${c.texts.get(k) ?? `satisfies ${what(of.rules[k]!) || of.rules[k]!.rule}`}`;
  const starts = new Set(runs.map((run) => run.columns[0]!));
  const cell = (c: Column, k: number, isFirst: boolean) => {
    const kind = cellOf(c, k, decides);
    kinds.add(kind);
    return (
      <td key={c.name} class={`verdict ${kind}${starts.has(c) ? ' start' : ''}`} tabIndex={isFirst ? 0 : -1} aria-label={tell(c, k)} data-zhost={c.name} data-rule={of.rules[k]!.rule} data-kind={kind}
        onFocus={() => say(tell(c, k))} onMouseEnter={() => say(tell(c, k))}>
        <span>{kind !== 'holds' && '×'}</span>
      </td>
    );
  };
  const rows = of.rules.map((rule, k) => (
    <tr key={k} class={k === decides ? 'decides' : ''}>
      <th scope="row" title={`${rule.rule} ${what(rule)}`}><span class="no">{k + 1}</span> <b>{rule.rule}</b> <span class="soft">{what(rule)}</span></th>
      <td class="left-over">{decides >= 0 && k > decides ? <span class="dim">not reached</span> : <><b>{number(rule.left)}</b> of {number(k === 0 ? of.zhosts.length : of.rules[k - 1]!.left)}</>}</td>
      {columns.map((c, n) => cell(c, k, k === 0 && n === 0))}
    </tr>
  ));
  const legend = (
    <span class="legend">
      {(Object.keys(NAMES) as Cell[]).filter((kind) => kinds.has(kind)).map((kind) => <span key={kind}><i class={`verdict ${kind}`} />{NAMES[kind]}</span>)}
    </span>
  );
  return (
    <Card id="matrix" name={`${plural(of.zhosts.length, 'zhost')}, ${plural(of.rules.length, 'rule')}`} count="nearest to fit first" more={legend}>
      <div class="matrix-box" role="region" tabIndex={0} aria-label="Rules by zhost">
        <table role="grid" class={columns.length <= WIDE ? 'wide' : ''} aria-label="Which rules each zhost satisfies" onKeyDown={(event) => arrows(event, 'td.verdict')}>
          <thead>
            <tr><th scope="col">Rule</th><th scope="col" class="left-over">left over</th>
              {columns.map((c) => <th key={c.name} scope="col" class={`zhost${c.isChosen ? ' chosen' : ''}${starts.has(c) ? ' start' : ''}`}>{c.count === 1 ? <a href={zhostPage(c.name)} tabIndex={-1}>{c.name}</a> : <span>{c.name}</span>}</th>)}</tr>
          </thead>
          <tbody>{rows}</tbody>
          <tfoot><tr><td colSpan={2} />{runs.map((run) => <td key={run.rules.join(',')} class="run" colSpan={run.columns.length} title={runText(run, of)}><span>{runText(run, of)}</span></td>)}</tr></tfoot>
        </table>
      </div>
      <p class="said" role="status">{said !== '' ? said : 'Figures of a cell: point at it, or move there with the arrow keys.'}</p>
    </Card>
  );
}
