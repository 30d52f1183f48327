// What is known of the topology whose page is open. States change with each event at once; everything else is read again
// soon after something has happened there.
import { batch, effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Refusal, isPassing, read } from '../base/api';
import type { Content, Instance, Revision, TopologyDetail } from '../base/topology_types';
import type { Happened } from '../base/types';
import { happened, isLost } from './store';

export interface Opened {
  detail: TopologyDetail; instances: Instance[]; revisions: Revision[];
  /** Of what runs, or is on its way. */
  content: Content;
}

export const opened = signal<Opened | null>(null);
/** Why there is nothing to show. */
export const refused = signal('');
/** Of this topology, the newest first. */
export const own = signal<Happened[]>([]);

const SOON_MS = 150;
const SPACING_MS = 1000;
const SPACING_MAX_MS = 5_000; // however long a reading takes: what somebody has asked for by a button is to be seen
const KEPT = 2000; // events
const contents = new Map<string, Promise<Content>>();

export const address = (name: string, rest = '') => `/v1/topologies/${encodeURIComponent(name)}${rest}`;

/** A revision never changes. */
export function contentOf(id: string, revision: number): Promise<Content> {
  const key = `${id}/${revision}`;
  const known = contents.get(key);
  if (known !== undefined) return known;
  const asked = read<Content>(address(id, `/revisions/${revision}`));
  contents.set(key, asked);
  asked.catch(() => contents.delete(key));
  return asked;
}

async function load(name: string, signal: AbortSignal): Promise<Opened> {
  const detail = await read<TopologyDetail>(address(name), signal);
  const [{ spaces }, { revisions }] = await Promise.all([
    read<{ spaces: Instance[] }>(address(detail.id, '/spaces'), signal),
    read<{ revisions: Revision[] }>(address(detail.id, '/revisions'), signal),
  ]);
  const newest = revisions.at(-1)!.revision;
  const content = await contentOf(detail.id, detail.rollout?.revision ?? detail.revision ?? newest);
  return { detail, instances: spaces, revisions, content };
}

/** States that events tell of, in what was read before them. */
function patch(events: Happened[]) {
  const now = opened.value;
  if (now === null) return;
  const states = new Map(events.filter((e) => e.kind === 'space' && e.to !== undefined && e.to !== '').map((e) => [e.subject, e.to!]));
  if (states.size === 0) return;
  opened.value = { ...now, instances: now.instances.map((i) => {
    const to = states.get(i.name);
    return to !== undefined && to !== i.state ? { ...i, state: to } : i;
  }) };
}

/** Keeps the topology of this name open; returns what ends it. */
function keep(name: string): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLoading = false, again = false, seen = happened.peek()[0]?.seq ?? 0, spacing = SPACING_MS;

  async function refresh() {
    if (isLoading) { again = true; return; }
    isLoading = true;
    again = false;
    const began = performance.now();
    try {
      const next = await load(name, abort.signal);
      const isFirst = opened.peek() === null;
      batch(() => { opened.value = next; refused.value = ''; });
      if (isFirst) {
        const { events } = await read<{ events: Happened[] }>(`/v1/events?stream=0&topology=${next.detail.id}&newest=20000`, abort.signal);
        const known = new Set(own.peek().map((e) => e.seq));
        own.value = [...own.peek(), ...events.filter((e) => !known.has(e.seq))].sort((a, b) => b.seq - a.seq).slice(0, KEPT);
      }
    } catch (error) {
      if (isPassing(error)) again = true;
      if (!abort.signal.aborted && error instanceof Refusal && (!isPassing(error) || opened.peek() === null)) batch(() => { opened.value = null; refused.value = error.message; });
    }
    isLoading = false;
    spacing = Math.min(SPACING_MAX_MS, Math.max(SPACING_MS, 10 * (performance.now() - began)));
    if (again && !abort.signal.aborted) plan(spacing);
  }
  function plan(ms: number) {
    timer ??= setTimeout(() => { timer = undefined; void refresh(); }, ms);
  }

  void refresh();
  const end = effect(() => {
    const all = happened.value;
    const lost = isLost.value;
    if (lost) { again = true; return; }
    const id = opened.peek()?.detail.id;
    const fresh = all.filter((e) => e.seq > seen && (e.topology === id || e.subject === name));
    seen = Math.max(seen, all[0]?.seq ?? 0);
    if (fresh.length === 0 && !again) return;
    own.value = [...fresh, ...own.peek()].slice(0, KEPT);
    patch([...fresh].reverse());
    plan(isLoading ? spacing : SOON_MS);
  });
  return () => {
    end();
    clearTimeout(timer);
    abort.abort();
    batch(() => { opened.value = null; refused.value = ''; own.value = []; });
  };
}

export function useTopology(name: string): Opened | null {
  useEffect(() => keep(name), [name]);
  const now = opened.value;
  return now !== null && (now.detail.name === name || now.detail.id === name) ? now : null;
}
