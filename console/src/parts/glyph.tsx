// One shape for each state, drawn on 16 x 16, readable at 10 px and without colour.
import type { ComponentChildren } from 'preact';
import { word } from '../base/words';

const line = { fill: 'none', stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' } as const;
const sign = { fill: 'none', stroke: 'var(--surface)', 'stroke-width': 1.9, 'stroke-linecap': 'round' } as const;

const SHAPES: Record<string, ComponentChildren> = {
  running: <circle cx="8" cy="8" r="5.5" fill="currentColor" />,
  starting: <><circle cx="8" cy="8" r="5.5" {...line} opacity=".35" /><path d="M8 2.5A5.5 5.5 0 0 1 13.5 8" {...line} /></>,
  deploying: <path d="M8 2v8M4.5 7 8 10.5 11.5 7M3 14h10" {...line} />,
  stopped: <rect x="3.5" y="3.5" width="9" height="9" rx="1" {...line} />,
  unresolved: <><path d="M8 1.8 14.2 8 8 14.2 1.8 8z" {...line} /><circle cx="8" cy="8" r="1.5" fill="currentColor" /></>,
  waiting: <path d="M4 2h8M4 14h8M5 2.5c0 3 2 4 3 5.5 1-1.5 3-2.5 3-5.5M5 13.5c0-3 2-4 3-5.5 1 1.5 3 2.5 3 5.5" {...line} />,
  stopping: <><circle cx="8" cy="8" r="5.6" {...line} /><rect x="5.5" y="5.5" width="5" height="5" fill="currentColor" /></>,
  undeploying: <path d="M8 11V3M4.5 6 8 2.5 11.5 6M3 14h10" {...line} />,
  'not-deployed': <circle cx="8" cy="8" r="5.5" {...line} stroke-dasharray="2.2 2.12" stroke-linecap="butt" />,
  problem: <><path d="M8 1.5 15.2 14H.8z" fill="currentColor" stroke="currentColor" stroke-linejoin="round" /><path d="M8 6v4M8 12v.2" {...sign} /></>,
  failed: <><rect x="1.5" y="1.5" width="13" height="13" rx="3" fill="currentColor" /><path d="m5.2 5.2 5.6 5.600m0-5.6-5.6 5.6" {...sign} /></>,
  degraded: <><path d="M8 1.2 14.8 8 8 14.8 1.2 8z" fill="currentColor" stroke="currentColor" stroke-linejoin="round" /><path d="M8 5v3.500M8 11v.2" {...sign} /></>,
  pending: <><circle cx="8" cy="8" r="5.5" {...line} /><path d="M8 5v3.200l2 1.3" {...line} /></>,
  draining: <path d="M2.5 3v10M5.5 8h8M10.5 4.5 14 8l-3.5 3.5" {...line} />,
  cordoned: <path d="M8 2v12" {...line} />,
  moved: <path d="M2.5 8h11M9.5 4 13.5 8l-4 4" {...line} />,
  rollout: <path d="M3 13V9.500M8 13V6M13 13V2.5" {...line} stroke-width="2.6" />,
};

const ALIASES: Record<string, string> = {
  'deployed-started': 'running',
  'deployed-stopped': 'stopped',
  'waiting-for-ancestor': 'waiting',
  'disk-full': 'degraded', 'data-full': 'degraded', stuck: 'problem', ended: 'draining', drained: 'draining',
};

/** Of the shape and of the colour. */
export const shape = (state: string) => {
  const name = ALIASES[state] ?? state;
  return name in SHAPES ? name : 'not-deployed';
};

/** Within a picture: what draws it sets size and colour. */
export const Shape = ({ state }: { state: string }) => <>{SHAPES[shape(state)]}</>;

export function Glyph({ state, size = '' }: { state: string; size?: '' | 'small' }) {
  const name = shape(state);
  return <svg class={`glyph ${size} c-${name}${name === 'starting' ? ' turns' : ''}`} viewBox="0 0 16 16" aria-hidden="true">{SHAPES[name]}</svg>;
}

/** Shape, colour and word together. */
export function State({ state, text }: { state: string; text?: string }) {
  return <span class={`state c-${shape(state)}`}><Glyph state={state} /><span>{text ?? word(state)}</span></span>;
}
