// Where the nodes stand: elkjs lays spaces out in a worker, with what is inside of them. Done once more only where spaces,
// edges or sizes change, never for a state.
import { useEffect, useState } from 'preact/hooks';
import type { Edge, Graph, Node } from './model';

declare const ELK_WORKER: string; // its address, by build.mjs

export interface Box { x: number; y: number; width: number; height: number }
export interface Laid { width: number; height: number; boxes: Map<string, Box>; lines: Map<string, [number, number][]> }

export const WIDTH = 204;
export const HEAD = 30;
const PAD = 10;
const ROW = 20;
export type Style = 'none' | 'rows' | 'glyphs' | 'cells' | 'bar';
export const STYLES: Record<Exclude<Style, 'none' | 'bar'>, { max: number; step: number; columns: number }> = {
  rows: { max: 3, step: ROW, columns: 1 },
  glyphs: { max: 44, step: 16.6, columns: 11 },
  cells: { max: 1000, step: 9.2, columns: 20 },
};

/** As many as there are decide how much each one shows. */
export function styleOf(count: number): Style {
  if (count === 0) return 'none';
  if (count <= STYLES.rows.max) return 'rows';
  if (count <= STYLES.glyphs.max) return 'glyphs';
  return count <= STYLES.cells.max ? 'cells' : 'bar';
}

/** Of what stands above the nodes inside of it. */
export function ownHeight(node: Node): number {
  const count = node.instances.length;
  const style = styleOf(count);
  if (style === 'none') return HEAD + (node.isOutside ? 0 : 18);
  if (style === 'bar') return HEAD + 10 + 24;
  const { step, columns } = STYLES[style];
  return HEAD + Math.ceil(count / columns) * step + (style === 'rows' ? 6 : 26);
}

interface ElkNode { id: string; x?: number; y?: number; width?: number; height?: number; children?: ElkNode[]; layoutOptions?: Record<string, string> }
interface ElkEdge { id: string; sources: string[]; targets: string[]; sections?: { startPoint: Point; endPoint: Point; bendPoints?: Point[] }[] }
interface Point { x: number; y: number }

function elkNode(node: Node, nodes: Node[]): ElkNode {
  const inside = nodes.filter((n) => n.parent === node.id);
  const height = ownHeight(node);
  if (inside.length === 0) return { id: node.id, width: WIDTH, height };
  return {
    id: node.id, children: inside.map((n) => elkNode(n, nodes)),
    layoutOptions: { 'elk.padding': `[top=${height + 4},left=${PAD},bottom=${PAD},right=${PAD}]`, 'elk.nodeSize.constraints': 'MINIMUM_SIZE', 'elk.nodeSize.minimum': `(${WIDTH},${height})` },
  };
}

function elkGraph(graph: Graph, isDown: boolean) {
  return {
    id: 'root',
    layoutOptions: {
      'elk.algorithm': 'layered', 'elk.direction': isDown ? 'DOWN' : 'RIGHT', 'elk.edgeRouting': 'ORTHOGONAL',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN', 'elk.spacing.nodeNode': '18', 'elk.spacing.edgeNode': '14', 'elk.spacing.edgeEdge': '10',
      'elk.layered.spacing.nodeNodeBetweenLayers': '44', 'elk.layered.spacing.edgeNodeBetweenLayers': '16', 'elk.spacing.componentComponent': '18',
      'elk.aspectRatio': isDown ? '0.6' : '2.2', 'elk.padding': '[top=14,left=14,bottom=14,right=14]',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES', 'org.eclipse.elk.json.shapeCoords': 'ROOT', 'org.eclipse.elk.json.edgeCoords': 'ROOT',
    },
    children: graph.nodes.filter((n) => n.parent === null).map((n) => elkNode(n, graph.nodes)),
    edges: graph.edges.map((e): ElkEdge => ({ id: e.id, sources: [e.from], targets: [e.to] })),
  };
}

/* ---- the worker: one for all pages ---- */

interface Said { id: number; data?: unknown; error?: { message?: string } }
let worker: Worker | undefined;
let count = 0;
const waiting = new Map<number, { done: (data: unknown) => void; failed: (error: Error) => void }>();

function tell(message: Record<string, unknown>): Promise<unknown> {
  if (worker === undefined) {
    worker = new Worker(ELK_WORKER);
    worker.onmessage = (event: MessageEvent<Said>) => {
      const { id, data, error } = event.data;
      const one = waiting.get(id);
      waiting.delete(id);
      if (error !== undefined) one?.failed(new Error(error.message ?? 'no layout'));
      else one?.done(data);
    };
    worker.onerror = () => { for (const one of waiting.values()) one.failed(new Error('no layout')); waiting.clear(); };
    void tell({ cmd: 'register', algorithms: ['layered'] });
  }
  const id = count++;
  return new Promise((done, failed) => {
    waiting.set(id, { done, failed });
    worker!.postMessage({ id, ...message });
  });
}

function laidOf(root: ElkNode & { edges?: ElkEdge[] }): Laid {
  const boxes = new Map<string, Box>(), lines = new Map<string, [number, number][]>();
  const take = (n: ElkNode) => {
    boxes.set(n.id, { x: n.x ?? 0, y: n.y ?? 0, width: n.width ?? 0, height: n.height ?? 0 });
    n.children?.forEach(take);
  };
  root.children?.forEach(take);
  for (const e of root.edges ?? []) {
    const s = e.sections?.[0];
    if (s !== undefined) lines.set(e.id, [s.startPoint, ...(s.bendPoints ?? []), s.endPoint].map((p): [number, number] => [p.x, p.y]));
  }
  return { width: root.width ?? 0, height: root.height ?? 0, boxes, lines };
}

const ends = (e: Edge) => [e.id, e.from, e.to];
const keyOf = (graph: Graph, isDown: boolean) =>
  JSON.stringify([isDown, graph.nodes.map((n) => [n.id, n.parent, ownHeight(n)]), graph.edges.map(ends)]);

/** null: not yet. What was there before stays until the next is ready. */
export function useLayout(graph: Graph, isDown: boolean): Laid | null {
  const [laid, setLaid] = useState<Laid | null>(null);
  const key = keyOf(graph, isDown);
  useEffect(() => {
    let isOver = false;
    tell({ cmd: 'layout', graph: elkGraph(graph, isDown), layoutOptions: {}, options: {} }).then(
      (data) => { if (!isOver) setLaid(laidOf(data as ElkNode)); },
      () => { if (!isOver) setLaid(null); });
    return () => { isOver = true; };
  }, [key]);
  return laid;
}
