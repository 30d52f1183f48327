// The picture of the graph. One stop of the tabulator for all nodes; arrows go on from there, Enter shows the placements of
// a space. What it shows stands in the table below it, too.
import type { ComponentChildren } from 'preact';
import type { Instance, TopologyDetail } from '../base/topology_types';
import { number, plural, word } from '../base/words';
import { Shape, shape } from '../parts/glyph';
import { whyPage } from '../parts/sentence';
import { HEAD, STYLES, WIDTH, ownHeight, styleOf, type Box, type Laid } from './layout';
import { hasNoPlace, isFresh, isStarted, isWanted, type Edge, type Graph, type Node } from './model';

const BEND = 7;
const LEAST = 0.72; // it is drawn smaller where that lets it fit, down to this
const LETTERS = 24; // of a name, in 12 px

const cut = (text: string, most: number) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** Right angles, rounded. */
function line(points: [number, number][]): string {
  const towards = ([ax, ay]: [number, number], [bx, by]: [number, number]) => {
    const length = Math.hypot(bx - ax, by - ay) || 1;
    const part = Math.min(BEND, length / 2) / length;
    return `${ax + (bx - ax) * part} ${ay + (by - ay) * part}`;
  };
  let d = `M${points[0]!.join(' ')}`;
  for (let k = 1; k < points.length - 1; k++)
    d += `L${towards(points[k]!, points[k - 1]!)}Q${points[k]!.join(' ')} ${towards(points[k]!, points[k + 1]!)}`;
  return `${d}L${points.at(-1)!.join(' ')}`;
}

const said = (edge: Edge) => edge.kind === 'path' ? `messages between ${edge.from} and ${edge.to}`
  : `${edge.from} ${edge.kind === 'waits' ? 'waits for' : 'imports from'} ${edge.to.replace(/^:/, '')}${edge.isOptional ? ', optional' : ''}`;

function Line({ edge, laid }: { edge: Edge; laid: Laid }) {
  const points = laid.lines.get(edge.id);
  if (points === undefined) return null;
  return (
    <path class={`edge ${edge.kind}${edge.isOptional ? ' optional' : ''}`} d={line(points)} marker-end={`url(#end-${edge.kind})`}
      marker-start={edge.kind === 'path' ? 'url(#end-path)' : undefined} data-edge={edge.id}><title>{said(edge)}</title></path>
  );
}

const tells = (i: Instance) => `${i.path}: ${word(i.state)}${i.zhost !== undefined ? ` on ${i.zhost}` : ''}${i.version !== undefined ? `, ${i.version}` : ''}`;

interface Drawn { detail: TopologyDetail; node: Node }

function Rows({ detail, node, width }: Drawn & { width: number }) {
  return node.instances.map((i, k) => {
    const next = i.handover?.next;
    const where = next !== undefined ? `→ ${next.zhost}` : i.zhost ?? (hasNoPlace(i) ? 'no place' : '');
    return (
      <a key={i.path} href={whyPage(detail.name, i.path)} tabindex={-1} class={`cell-row s-${shape(i.state)}`} data-path={i.path} data-state={i.state}>
        <title>{tells(i)}</title>
        <rect x="6" y={HEAD + k * STYLES.rows.step - 2} width={width - 12} height={STYLES.rows.step - 1} rx="4" />
        <svg x="10" y={HEAD + k * STYLES.rows.step + 1.5} width="12" height="12" viewBox="0 0 16 16" class={`c-${shape(i.state)}`}><Shape state={i.state} /></svg>
        <text x="28" y={HEAD + k * STYLES.rows.step + 11.500}>{cut(i.path.length <= 18 ? i.path : i.path.split('/').at(-1)!, 18)}</text>
        <text class={isFresh(i, detail) || next !== undefined ? 'where fresh' : 'where'} x={width - 12} y={HEAD + k * STYLES.rows.step + 11.500}>{cut(where, 13)}</text>
      </a>
    );
  });
}

function Cells({ detail, node, style }: Drawn & { style: 'glyphs' | 'cells' }) {
  const { step, columns } = STYLES[style];
  const size = style === 'glyphs' ? 13 : 7.4;
  return node.instances.map((i, k) => {
    const x = 10 + k % columns * step, y = HEAD + Math.floor(k / columns) * step;
    const fresh = isFresh(i, detail) ? ' fresh' : '';
    const isQuiet = isStarted(i) || (style === 'cells' && i.state === 'deployed-stopped');
    return (
      <g key={i.path} class={`cell s-${shape(i.state)}${fresh}`} data-path={i.path} data-state={i.state}>
        <title>{tells(i)}</title>
        {isQuiet ? <rect x={x} y={y} width={size} height={size} rx={size / 5} />
          : <svg x={x} y={y} width={size} height={size} viewBox="0 0 16 16" class={`c-${shape(i.state)}`}><Shape state={i.state} /></svg>}
      </g>
    );
  });
}

/** Of very many: how many are in each state. */
function Bar({ node }: { node: Node }) {
  const counts = countsOf(node);
  let x = 10;
  const whole = WIDTH - 20;
  return counts.map(([state, count]) => {
    const width = whole * count / node.instances.length;
    const piece = <rect key={state} class={`piece s-${shape(state)}`} x={x} y={HEAD} width={Math.max(1, width)} height="10" data-state={state} data-count={count} />;
    x += width;
    return piece;
  });
}

function countsOf(node: Node): [string, number][] {
  const counts = new Map<string, number>();
  for (const i of node.instances) counts.set(i.state, (counts.get(i.state) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** "18 running", "2 unresolved, 4 running": what differs comes first. */
export function sum(node: Node): string {
  const counts = countsOf(node);
  if (counts.length === 0) return 'no instances';
  if (counts.length === 1) return `${counts[0]![1] > 1 ? 'all ' : ''}${word(counts[0]![0])}`;
  const running = counts.filter(([state]) => state === 'deployed-started');
  return [...counts.filter(([state]) => state !== 'deployed-started'), ...running].map(([state, count]) => `${number(count)} ${word(state)}`).join(', ');
}

function about(node: Node): string {
  if (node.isOutside) return `${node.name}, of another topology`;
  return `${node.name}: ${plural(node.instances.length, 'instance')}, ${sum(node)}${node.fresh > 0 ? `, ${node.fresh} in the new version` : ''}`;
}

const isHeld = (node: Node) => node.instances.some((i) => isWanted(i) && !isStarted(i) && i.state !== 'starting' && i.state !== 'deploying');

function Space({ detail, node, box, graph, isFirst, choose }: Drawn & { box: Box; graph: Graph; isFirst: boolean; choose: (space: string) => void }) {
  const style = styleOf(node.instances.length);
  const isNest = graph.nodes.some((n) => n.parent === node.id);
  const held = isHeld(node) ? ` held s-${shape(node.state)}` : '';
  const tag = [node.declared?.optional === true ? 'optional' : '', node.declared?.exclusive === true ? 'exclusive' : ''].filter((t) => t !== '').join(', ');
  const total = node.instances.length;
  const room = LETTERS - (node.fresh > 0 ? 10 : total > 1 ? 4 : 0);
  return (
    <g class={`node${node.isOutside ? ' outside' : ''}${isNest ? ' nest' : ''}${held}${node.instances.some(hasNoPlace) ? ' no-place' : ''}`}
      transform={`translate(${box.x} ${box.y})`} role="group" tabindex={isFirst ? 0 : -1} aria-label={about(node)}
      data-id={node.id} data-space={node.isOutside ? undefined : node.id} data-node-state={node.isOutside ? undefined : node.state}
      onClick={(event) => { if (!node.isOutside && (event.target as Element).closest('a') === null) choose(node.id); }}
      onKeyDown={(event) => { if (event.key === 'Enter' && !node.isOutside) choose(node.id); }}>
      <rect class="box" width={box.width} height={box.height} rx="7" />
      {!node.isOutside && <svg x="10" y="9" width="13" height="13" viewBox="0 0 16 16" class={`c-${shape(node.state)}`}><Shape state={node.state} /></svg>}
      <text class="name" x={node.isOutside ? 12 : 29} y="19.500"><title>{node.name}</title>{cut(node.name, node.isOutside ? LETTERS + 2 : room)}</text>
      {total > 1 && <text class="figure" x={box.width - 11} y="19.500">{node.fresh > 0 && <tspan class="fresh">{`${node.fresh} new of `}</tspan>}{number(total)}</text>}
      {total === 1 && node.fresh > 0 && <text class="figure" x={box.width - 11} y="19.500"><tspan class="fresh">new</tspan></text>}
      {style === 'rows' && <Rows detail={detail} node={node} width={box.width} />}
      {(style === 'glyphs' || style === 'cells') && <Cells detail={detail} node={node} style={style} />}
      {style === 'bar' && <Bar node={node} />}
      {style !== 'rows' && !node.isOutside && <text class="sum" x="11" y={ownHeight(node) - 9}>{cut([tag, sum(node)].filter((t) => t !== '').join(' · '), 34)}</text>}
    </g>
  );
}

/** The next node in the direction of the arrow: the nearest one, with what lies beside it counted double. */
function step(event: KeyboardEvent, laid: Laid) {
  const ways: Record<string, [number, number]> = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const way = ways[event.key];
  const from = (event.target as Element).closest<SVGGElement>('.node');
  if (way === undefined || from === null) return;
  event.preventDefault();
  const all = [...(event.currentTarget as Element).querySelectorAll<SVGGElement>('.node')];
  const middle = (g: SVGGElement) => {
    const b = laid.boxes.get(g.dataset['id'] ?? '') ?? { x: 0, y: 0, width: 0, height: 0 };
    return [b.x + b.width / 2, b.y + Math.min(b.height, HEAD * 2) / 2] as const;
  };
  const [x, y] = middle(from);
  let best: SVGGElement | undefined, least = Infinity;
  for (const one of all) {
    const [ox, oy] = middle(one);
    const along = (ox - x) * way[0] + (oy - y) * way[1];
    const beside = Math.abs((ox - x) * way[1]) + Math.abs((oy - y) * way[0]);
    if (one === from || along <= 1 || along + 2 * beside >= least) continue;
    least = along + 2 * beside;
    best = one;
  }
  if (best === undefined) return;
  from.setAttribute('tabindex', '-1');
  best.setAttribute('tabindex', '0');
  best.focus();
}

const End = ({ kind, isOpen }: { kind: string; isOpen: boolean }) => (
  <marker id={`end-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse">
    <path class={`end ${kind}`} d={isOpen ? 'M1 1 7 4 1 7' : 'M1 .8 7 4 1 7.200z'} />
  </marker>
);

export function Picture({ graph, laid, detail, choose }: { graph: Graph; laid: Laid; detail: TopologyDetail; choose: (space: string) => void }) {
  const first = graph.nodes.find((n) => !n.isOutside)?.id;
  // Those around others are drawn first.
  const depth = (n: Node): number => { const p = graph.nodes.find((o) => o.id === n.parent); return p !== undefined ? 1 + depth(p) : 0; };
  const nodes = [...graph.nodes].sort((a, b) => depth(a) - depth(b));
  const pieces: ComponentChildren[] = nodes.map((node) => {
    const box = laid.boxes.get(node.id);
    return box !== undefined && <g key={node.id}><Space detail={detail} node={node} box={box} graph={graph} isFirst={node.id === first} choose={choose} /></g>;
  });
  return (
    <svg class="graph" viewBox={`0 0 ${laid.width} ${laid.height}`} style={{ width: `min(${laid.width}px, max(100%, ${LEAST * laid.width}px))` }} role="group" aria-label="Graph of spaces"
      onKeyDown={(event) => step(event, laid)}>
      <defs><End kind="import" isOpen={false} /><End kind="path" isOpen={true} /><End kind="waits" isOpen={false} /></defs>
      {pieces}
      {graph.edges.map((e) => <Line key={e.id} edge={e} laid={laid} />)}
    </svg>
  );
}
