// The graph of a topology: spaces as nodes with their instances, containment, and edges of three kinds.
//
//   imports    importer ──► provider          messages   one end ╌╌► the other        waits for   an import without a provider
import type { Content, Declared, Instance, TopologyDetail } from '../base/topology_types';
import { shape } from '../parts/glyph';

export interface Node {
  id: string; name: string; parent: string | null; declared: Declared | null; instances: Instance[];
  /** The worst of its instances. */
  state: string;
  /** In the version that a rollout leads to. */
  fresh: number;
  isOutside: boolean;
}

export interface Edge { id: string; kind: 'import' | 'path' | 'waits'; from: string; to: string; isOptional: boolean; name: string }
export interface Graph { nodes: Node[]; edges: Edge[] }

const WORST = ['problem', 'unresolved', 'waiting', 'not-deployed', 'stopping', 'undeploying', 'deploying', 'starting', 'stopped', 'running'];

export const isStarted = (i: Instance) => i.state === 'deployed-started';
export const isWanted = (i: Instance) => i.goal === 'deployed-started';
/** It is to run, and no zhost takes it. */
export const hasNoPlace = (i: Instance) => isWanted(i) && i.state === 'not-deployed' && i.zhost === undefined;

export function worst(states: string[]): string {
  let found = 'deployed-started', rank = Infinity;
  for (const state of states) {
    const own = WORST.indexOf(shape(state));
    if (own >= 0 && own < rank) { rank = own; found = state; }
  }
  return states.length > 0 ? found : 'not-deployed';
}

export const isFresh = (i: Instance, detail: TopologyDetail) => detail.rollout !== undefined && i.revision === detail.rollout.revision;

/** Those who have what is imported: by their name, or by a facet. */
function providers(from: string, spaces: Declared[]): string[] {
  return spaces.filter((s) => s.name === from || (s.provides ?? []).includes(from)).map((s) => s.name);
}

function waits(importers: Instance[], from: string): boolean {
  return importers.some((i) => i.state === 'unresolved' && i.imports.some((m) => m.from === from && !m.optional_import && m.providers.length === 0));
}

function outside(name: string): Node {
  return { id: `:${name}`, name, parent: null, declared: null, instances: [], state: 'deployed-started', fresh: 0, isOutside: true };
}

export function graphOf(detail: TopologyDetail, content: Content, instances: Instance[]): Graph {
  const spaces = content.topology.spaces;
  const of = new Map<string, Instance[]>();
  for (const i of instances) of.set(i.space, [...(of.get(i.space) ?? []), i]);
  const declared = new Map<string, Declared | null>(spaces.map((s) => [s.name, s]));
  for (const name of of.keys()) if (!declared.has(name)) declared.set(name, null); // of the version before
  const nodes: Node[] = [...declared].map(([name, d]) => {
    const own = of.get(name) ?? [];
    const inside = d?.inside ?? '';
    return {
      id: name, name, parent: inside !== '' && declared.has(inside) ? inside : null, declared: d, instances: own,
      state: worst(own.map((i) => i.state)), fresh: own.filter((i) => isFresh(i, detail)).length, isOutside: false,
    };
  });
  const edges: Edge[] = [];
  const others = new Map<string, Node>();
  const other = (name: string) => { others.set(name, others.get(name) ?? outside(name)); return `:${name}`; };
  for (const s of spaces) {
    for (const m of s.imports ?? []) {
      const kind = waits(of.get(s.name) ?? [], m.from) ? 'waits' as const : 'import' as const;
      const ends = m.from.includes('/') ? [other(m.from)] : providers(m.from, spaces);
      for (const to of ends)
        if (to !== s.name) edges.push({ id: `import ${s.name} ${m.from} ${to}`, kind, from: s.name, to, isOptional: m.optional ?? false, name: m.from });
    }
  }
  for (const p of content.topology.paths ?? [])
    if (p.from !== p.to) edges.push({ id: `path ${p.from} ${p.to} ${p.name ?? ''}`, kind: 'path', from: p.from, to: p.to, isOptional: false, name: p.name ?? '' });
  for (const d of detail.dependents) {
    const to = d.from.split('/')[1] ?? '';
    for (const end of providers(to, spaces))
      edges.push({ id: `import ${d.space} ${end}`, kind: 'import', from: other(d.space), to: end, isOptional: d.optional_import, name: d.from });
  }
  return { nodes: [...nodes, ...others.values()], edges: edges.filter((e, k) => edges.findIndex((o) => o.id === e.id) === k) };
}

/* ---- what waits for what ---- */

export interface Link { kind: 'instance' | 'zhost'; name: string; state: string; text: string; code?: string; count: number }

/** From the instance to what holds it up: each link waits for the next one. */
export function chain(start: Instance, graph: Graph, detail: TopologyDetail): Link[] {
  const links: Link[] = [];
  const seen = new Set<string>();
  const all = graph.nodes.flatMap((n) => n.instances);
  let at: Instance | undefined = start;
  while (at !== undefined && !seen.has(at.path)) {
    seen.add(at.path);
    const now: Instance = at;
    const alike = all.filter((i) => i.space === now.space && i.state === now.state).length;
    const placement = detail.placements.find((p) => p.space === now.path);
    const missing = now.state === 'unresolved' ? now.imports.find((m) => !m.optional_import && m.providers.length === 0) : undefined;
    let text = '', next: Instance | undefined;
    if (missing !== undefined) {
      text = `needs ${missing.from}`;
      const ends = graph.edges.filter((e) => e.kind !== 'path' && e.from === now.space && e.name === missing.from).map((e) => e.to);
      next = all.find((i) => ends.includes(i.space) && !isStarted(i));
    } else if (now.state === 'waiting-for-ancestor' && now.parent !== undefined) {
      text = `starts when ${now.parent} runs`;
      next = all.find((i) => i.path === now.parent);
    } else if (hasNoPlace(now) && now.parent !== undefined) {
      text = `is placed with ${now.parent}`;
      next = all.find((i) => i.path === now.parent);
    } else {
      text = placement?.why ?? now.why ?? now.last_error ?? '';
    }
    links.push({ kind: 'instance', name: now.path, state: now.state, text, code: next === undefined && isWanted(now) && !isStarted(now) ? placement?.failure_code ?? now.failure_code : undefined, count: alike });
    at = next;
    if (next === undefined && now.state === 'problem' && now.zhost !== undefined)
      links.push({ kind: 'zhost', name: now.zhost, state: 'problem', text: '', count: 1 });
  }
  return links;
}

/** One for each space that waits, the longest first, and none that is the end of another. */
export function chains(graph: Graph, detail: TopologyDetail): Link[][] {
  const held = graph.nodes.map((n) => n.instances.find((i) => isWanted(i) && !isStarted(i))).filter((i) => i !== undefined);
  const all = held.map((i) => chain(i, graph, detail)).sort((a, b) => b.length - a.length);
  const known = new Set<string>();
  return all.filter((links) => {
    const isNew = !known.has(links[0]!.name);
    links.forEach((l) => known.add(l.name));
    return isNew;
  });
}
