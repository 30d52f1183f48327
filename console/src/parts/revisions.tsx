// What was accepted under the name of a topology, and what differs between two of these.
import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { Refusal } from '../base/api';
import { difference, lines, type DiffLine } from '../base/diff';
import { go } from '../base/route';
import type { Content, Revision } from '../base/topology_types';
import { moment, plural } from '../base/words';
import { now } from '../store/store';
import { contentOf } from '../store/topology';
import { Card } from './card';
import { Glyph } from './glyph';

const GLYPHS: Record<string, string> = { completed: 'running', 'under-way': 'rollout', failed: 'failed', aborted: 'failed', stopped: 'stopped', superseded: 'moved' };
const SHOWN = 12;

const text = (content: Content) => lines({
  version: content.revision.version, ...content.topology, ...(content.rollout !== undefined ? { rollout: content.rollout } : {}),
});

const result = (r: Revision) => `${r.result === 'under-way' ? 'under way' : r.result}${r.what !== 'submit' ? `, ${r.what}` : ''}`;

export function Revisions({ topology, of, compared, buttons }: {
  topology: string; of: Revision[]; compared: [number, number] | null; buttons: (r: Revision) => ComponentChildren;
}) {
  const [all, setAll] = useState(false);
  const list = [...of].reverse();
  const hasButtons = list.some((r) => buttons(r) !== null);
  const newest = list[0]?.revision ?? 1;
  const [from, to] = compared ?? [list[1]?.revision ?? newest, newest];
  const page = (a: number, b: number) => `#/topology?name=${encodeURIComponent(topology)}&from=${a}&to=${b}`;
  const pick = (label: string, value: number, choose: (value: number) => void) => (
    <select class="field" aria-label={label} value={value} onChange={(event) => choose(Number(event.currentTarget.value))}>
      {list.map((r) => <option key={r.revision} value={r.revision}>{r.revision}{r.version !== undefined ? ` (${r.version})` : ''}</option>)}
    </select>
  );
  return (
    <Card id="revisions" name="Revisions" count={String(of.length)}>
      <div class="table-box" tabIndex={0} role="region" aria-label="Revisions, the newest first">
        <table>
          <thead><tr><th class="no">No.</th><th class="ve">Version</th><th class="when">When</th><th>Result</th>{hasButtons && <th class="do"><span class="hidden">Actions</span></th>}</tr></thead>
          <tbody>
            {list.slice(0, all ? undefined : SHOWN).map((r) => (
              <tr key={r.revision} data-revision={r.revision} data-result={r.result}>
                <td class="soft">{r.revision}</td>
                <td>{r.version}</td>
                <td class="soft"><time dateTime={r.created} title={`${r.created}${r.by !== undefined ? `, by ${r.by}` : ''}`}>{moment(r.created, now.value)}</time></td>
                <td title={`${result(r)}${r.by !== undefined ? `, by ${r.by}` : ''}`}><Glyph state={GLYPHS[r.result] ?? 'pending'} size="small" /> {result(r)}</td>
                {hasButtons && <td class="do">{buttons(r)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {list.length > SHOWN && !all && <p class="rest"><button type="button" class="button quiet" onClick={() => setAll(true)}>All {list.length} revisions</button></p>}
      {of.length > 1 && (
        <div class="compare">
          <span class="soft">Compare</span>{pick('From revision', from, (value) => go(page(value, to)))}
          <span class="soft">with</span>{pick('To revision', to, (value) => go(page(from, value)))}
          {compared === null ? <a class="button" href={page(from, to)}>Show what differs</a>
            : <a class="button quiet" href={`#/topology?name=${encodeURIComponent(topology)}`}>Close</a>}
        </div>
      )}
    </Card>
  );
}

export function RevisionDiff({ id, from, to }: { id: string; from: number; to: number }) {
  // What was found of the two before stays until the next is there.
  const [{ found, of }, set] = useState<{ found: DiffLine[] | string | null; of: [number, number] }>({ found: null, of: [from, to] });
  useEffect(() => {
    let isOver = false;
    const setFound = (next: DiffLine[] | string) => { if (!isOver) set({ found: next, of: [from, to] }); };
    Promise.all([contentOf(id, from), contentOf(id, to)]).then(
      ([a, b]) => setFound(difference(text(a), text(b))),
      (error) => setFound(error instanceof Refusal ? error.message : 'zrms does not answer'));
    return () => { isOver = true; };
  }, [id, from, to]);
  const isBusy = of[0] !== from || of[1] !== to;
  const count = (kind: string) => Array.isArray(found) ? found.filter((l) => l.kind === kind).length : 0;
  return (
    <Card id="diff" name={`From revision ${of[0]} to ${of[1]}`} count={isBusy ? `reading from ${from} to ${to}` : Array.isArray(found) ? `${plural(count('come'), 'line')} more, ${plural(count('gone'), 'line')} less` : undefined}>
      {found === null && <p class="empty" role="status">Reading both</p>}
      {typeof found === 'string' && <p class="empty" role="alert">{found}</p>}
      {Array.isArray(found) && found.length === 0 && <p class="empty">They say the same.</p>}
      {Array.isArray(found) && found.length > 0 && (
        <pre class="diff-text" tabIndex={0} role="region" aria-busy={isBusy} aria-label={`What differs between revision ${of[0]} and ${of[1]}`}>
          {found.map((l, k) => (
            <code key={k} class={l.kind}>{l.kind === 'gap' ? l.text : <><span class="sign">{l.kind === 'come' ? '+' : l.kind === 'gone' ? '-' : ' '}</span> {l.text}</>}{'\n'}</code>
          ))}
        </pre>
      )}
    </Card>
  );
}
