// What is known of the cluster: the last summary, and the states that events have changed since.
import { computed, signal } from '@preact/signals';
import type { Attention, Happened, Rollout, Self, Summary } from '../base/types';

export interface Zhost {
  name: string; state: string; cordoned: boolean; drain: string; left: number; since: string; heard: string; instances: number;
  /** Parts that are reserved, from 0 to 1. Devices: null where there are none. */
  cpu: number; memory: number; devices: number | null;
  labels: Record<string, string>;
}

export interface Topology {
  id: string; name: string; version: string; state: string; reason: string; code: string; instances: number;
  states: Record<string, number>; rollout: Rollout | null;
}

export type Contact = { kind: 'connecting' } | { kind: 'live' } | { kind: 'lost'; since: Date };

/** undefined: not asked yet; null: nobody is signed in. */
export const self = signal<Self | null | undefined>(undefined);
export const contact = signal<Contact>({ kind: 'connecting' });
export const summary = signal<Summary | null>(null);
export const zhosts = signal<Zhost[]>([]);
export const topologies = signal<Topology[]>([]);
/** The newest first. */
export const happened = signal<Happened[]>([]);
/** zrms' clock. */
export const now = signal(new Date());

export const HAPPENED_MAX = 2000;
let ahead = 0; // of this machine's clock, in ms
let seq = 0; // of the summary

const part = (some: number, whole: number) => whole > 0 ? Math.min(1, some / whole) : 0;

export function zhostsOf(s: Summary): Zhost[] {
  return s.zhosts.flatMap((c) => c.names.map((name, k): Zhost => ({
    name, state: c.states[k]!, cordoned: c.cordoned[k]!, drain: c.drains[k]!, left: c.left[k]!, since: c.since[k]!,
    heard: c.heard[k]!, instances: c.instances[k]!,
    cpu: part(c.cpu_reserved[k]!, c.cpu_total[k]!),
    memory: part(c.memory_reserved[k]!, c.memory_total[k]!),
    devices: c.devices_total[k]! > 0 ? part(c.devices_reserved[k]!, c.devices_total[k]!) : null,
    labels: Object.fromEntries(c.labels.filter((l) => l.values[k] !== '').map((l) => [l.name, l.values[k]!])),
  })));
}

function topologiesOf(s: Summary): Topology[] {
  return s.topologies.map((row) => ({
    id: row.topology.id, name: row.topology.name, version: row.topology.version ?? '', state: row.topology.state,
    reason: row.topology.failure_reason ?? '', code: row.topology.failure_code ?? '', instances: row.topology.spaces,
    states: Object.fromEntries(row.states.map((c) => [c.state, c.count])), rollout: row.rollout ?? null,
  }));
}

export function takeSummary(s: Summary, list = zhostsOf(s)) {
  seq = s.seq;
  ahead = Date.now() - Date.parse(s.time);
  summary.value = s;
  zhosts.value = list;
  topologies.value = topologiesOf(s);
  takeStates(happened.value.filter((e) => e.seq > s.seq).reverse());
  tick();
}

export function tick() {
  now.value = new Date(Date.now() - ahead);
}

export function forget() {
  summary.value = null;
  zhosts.value = topologies.value = happened.value = [];
}

/** The newest that zrms has, the oldest of them first. Older ones that are known stay, where none is missing between. */
export function takeHistory(events: Happened[]) {
  const oldest = events[0]?.seq ?? 0;
  const older = (happened.value[0]?.seq ?? 0) >= oldest ? happened.value.filter((e) => e.seq < oldest) : [];
  happened.value = [...[...events].reverse(), ...older].slice(0, HAPPENED_MAX);
}

/** Some that have come together, in order. What changes at once is seen at once; the rest comes with the next summary. */
export function takeEvents(events: Happened[]) {
  const known = happened.value[0]?.seq ?? 0;
  const fresh = events.filter((e) => e.seq > known);
  if (fresh.length > 0) happened.value = [...fresh.reverse(), ...happened.value].slice(0, HAPPENED_MAX);
  takeStates(events);
}

/** Those that the summary has not seen. */
function takeStates(events: Happened[]) {
  const states = new Map(events.filter((e) => e.seq > seq && e.to !== undefined && e.to !== '')
    .filter((e) => e.kind === 'topology' || (e.kind === 'zhost' && e.topology === undefined))
    .map((e) => [`${e.kind}/${e.subject}`, e.to!]));
  if (states.size === 0) return;
  const moved = <T extends { name: string; state: string }>(kind: string, list: T[]) => {
    const to = (one: T) => states.get(`${kind}/${one.name}`) ?? one.state;
    return list.some((one) => to(one) !== one.state) ? list.map((one) => to(one) === one.state ? one : { ...one, state: to(one) }) : list;
  };
  zhosts.value = moved('zhost', zhosts.value);
  topologies.value = moved('topology', topologies.value);
}

/** The worst of each topology, for the tables. */
export const concerns = computed(() => {
  const found = new Map<string, Attention>();
  for (const a of summary.value?.attention ?? []) if (a.kind !== 'zhost' && !found.has(a.name)) found.set(a.name, a);
  return found;
});
/** The set stays the same one as long as its names do: who reads it has nothing to draw when only states have changed. */
function namesOf(list: () => { name: string }[]) {
  let before = new Set<string>();
  return computed(() => {
    const all = list();
    if (all.length !== before.size || all.some((one) => !before.has(one.name))) before = new Set(all.map((one) => one.name));
    return before;
  });
}
export const zhostNames = namesOf(() => zhosts.value);
export const topologyNames = namesOf(() => topologies.value);
export const isLost = computed(() => contact.value.kind === 'lost');
