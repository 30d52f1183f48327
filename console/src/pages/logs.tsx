// The log of one instance, live. Which one, and the filter, are in the address.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { read } from '../base/api';
import { useLoaded } from '../base/loaded';
import { go, route } from '../base/route';
import type { SpaceView } from '../base/types';
import { number, plural } from '../base/words';
import { Card, Empty } from '../parts/card';
import { addressWith } from '../parts/columns';
import { State } from '../parts/glyph';
import { Tail } from '../parts/tail';
import { LINES_MAX, openLog, type Line, type Log } from '../store/log';
import { topologies } from '../store/store';

const ROW = 20;
const CUT = 2000; // of a line in the list
const SPACES_MS = 15000;
const PAGE = 1000;
const NONE: Line[] = [];
const numberOf = (line: Line) => line.n;

const set = (changes: Record<string, string>) => go(addressWith(changes));

function Choose({ topology, path }: { topology: string; path: string }) {
  const names = topologies.value.map((t) => t.name);
  const { value: spaces } = useLoaded(topology, async (signal) => topology === '' ? []
    : (await read<{ spaces: SpaceView[] }>(`/v1/topologies/${encodeURIComponent(topology)}/spaces?limit=${PAGE}`, signal)).spaces, SPACES_MS);
  const paths = (spaces ?? []).map((s) => s.path);
  useEffect(() => {
    if (topology === '' && names.length > 0) set({ topology: [...names].sort()[0]! });
    else if (path === '' && paths.length > 0) set({ path: paths[0]! });
  });
  const with_own = (list: string[], own: string) => own !== '' && !list.includes(own) ? [own, ...list] : list;
  return (
    <>
      <select class="field" aria-label="Topology" value={topology} onChange={(event) => set({ topology: event.currentTarget.value, path: '' })}>
        {with_own([...names].sort(), topology).map((name) => <option key={name} value={name}>{name}</option>)}
      </select>
      <select class="field" aria-label="Instance" value={path} onChange={(event) => set({ path: event.currentTarget.value })}>
        {with_own(paths, path).map((name) => <option key={name} value={name}>{name}</option>)}
      </select>
    </>
  );
}

function Marked({ text, filter }: { text: string; filter: string }) {
  const shown = text.length > CUT ? `${text.slice(0, CUT)} …` : text;
  if (filter === '') return <>{shown}</>;
  const lower = shown.toLowerCase();
  const parts = [];
  let at = 0;
  for (let found = lower.indexOf(filter); found >= 0; found = lower.indexOf(filter, at)) {
    parts.push(shown.slice(at, found), <mark key={found}>{shown.slice(found, found + filter.length)}</mark>);
    at = found + filter.length;
  }
  parts.push(shown.slice(at));
  return <>{parts}</>;
}

/** Those with the text; only what is new is looked at again. */
function useFiltered(lines: Line[], filter: string) {
  const kept = useRef<{ filter: string; last: number; found: Line[] }>({ filter: '', last: 0, found: [] });
  return useMemo(() => {
    if (filter === '') return lines;
    const first = lines[0]?.n ?? 0;
    const before = kept.current.filter === filter ? kept.current : { last: 0, found: [] };
    const from = Math.max(0, before.last + 1 - first);
    const found = before.found.filter((line) => line.n >= first).concat(lines.slice(from).filter((line) => line.text.toLowerCase().includes(filter)));
    kept.current = { filter, last: lines.at(-1)?.n ?? 0, found };
    return found;
  }, [lines, filter]);
}

function Lines({ of: log, lines, name, filter }: { of: Log; lines: Line[]; name: string; filter: string }) {
  const [picked, pick] = useState<Line | null>(null);
  if (lines.length === 0) {
    const state = log.state.value;
    const text = filter !== '' && log.lines.value.length > 0 ? `No line has '${filter}'.` : state.kind === 'refused' || state.kind === 'waits' ? `${state.why}.` : 'What it prints, as it does. There was nothing yet.';
    return <Empty text={text} />;
  }
  return (
    <>
      <Tail of={lines} number={numberOf} looks={`${picked?.n ?? ''} ${filter}`} height={ROW} label={`Log of ${name}`} newest="last" wide row={(line) => (
        <li class={picked?.n === line.n ? 'line picked' : 'line'} key={line.n} onClick={() => pick(picked?.n === line.n ? null : line)}><Marked text={line.text} filter={filter.toLowerCase()} /></li>
      )} />
      {picked !== null && (
        <section class="whole" aria-label="The whole line">
          <pre tabIndex={0}>{picked.text}</pre>
          <button type="button" class="button quiet" onClick={() => void navigator.clipboard?.writeText(picked.text)}>Copy</button>
          <button type="button" class="button quiet" onClick={() => pick(null)}>Close</button>
        </section>
      )}
    </>
  );
}

const STATES = { reads: ['deploying', 'reading'], follows: ['running', 'following'], waits: ['waiting', 'waits for it'], refused: ['problem', 'refused'] } as const;

export function Logs() {
  const { query } = route.value;
  const topology = query.get('topology') ?? '';
  const path = query.get('path') ?? '';
  const filter = query.get('filter') ?? '';
  const [log, setLog] = useState<Log | null>(null);
  useEffect(() => {
    if (topology === '' || path === '') return setLog(null);
    const opened = openLog(topology, path);
    setLog(opened);
    return () => opened.close();
  }, [topology, path]);
  const state = log?.state.value ?? { kind: 'reads', why: '' } as const;
  const [shape, text] = STATES[state.kind];
  const all = log?.lines.value ?? NONE;
  const lines = useFiltered(all, filter.toLowerCase());
  const matching = filter !== '' ? `${number(lines.length)} of ` : '';
  const more = (
    <>
      <span title={state.why}><State state={shape} text={text} /></span>
      <input class="field" type="search" aria-label="Filter lines" placeholder="Filter: text" value={filter} onInput={(event) => set({ filter: event.currentTarget.value })} />
    </>
  );
  const dropped = log?.dropped.value ?? 0;
  return (
    <main id="main" class="list-page logs-page">
      <h1 class="hidden">Logs</h1>
      <Card id="logs" name="Logs" count={`${matching}${plural(all.length, 'line')}${dropped > 0 ? `, the newest ${number(LINES_MAX)}` : ''}`} more={more}>
        <div class="choose"><Choose topology={topology} path={path} /><code class="command">zshell spaces logs {topology}/{path} -f</code></div>
        {topology === '' && topologies.value.length === 0 && <Empty text="What instances print. There is no topology yet." command="zshell topo submit FILE.mex" />}
        {log !== null && <Lines of={log} lines={lines} name={`${topology}/${path}`} filter={filter} />}
      </Card>
    </main>
  );
}
