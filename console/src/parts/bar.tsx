// Bars: a load, and the instances of a topology by state.
import type { Topology } from '../store/store';

const HOT = 0.9; // above, it is marked: load is no state, and never red

export function Load({ value }: { value: number }) {
  return <span class="bar" aria-hidden="true"><i class={value > HOT ? 'hot' : ''} style={{ width: `${Math.round(100 * value)}%` }} /></span>;
}

/** Its instances that run, those that are about to or wait, and those that do not. */
export function parts(t: Topology) {
  const running = t.states['deployed-started'] ?? 0;
  const problem = t.states['problem'] ?? 0;
  const off = t.state === 'stopped' || t.state === 'pending' ? (t.states['not-deployed'] ?? 0) + (t.states['deployed-stopped'] ?? 0) : 0;
  return { running, off, problem, other: Math.max(0, t.instances - running - off - problem) };
}

export function Instances({ of }: { of: Topology }) {
  const { running, off, problem, other } = parts(of);
  const piece = (name: string, count: number) => count > 0 && <i class={name} style={{ flexGrow: count }} />;
  return (
    <span class="instances">
      <span class="bar" aria-hidden="true">
        {piece('ok', running)}{piece(of.state === 'failed' ? 'bad' : 'waits', other)}{piece('bad', problem)}{piece('off', off)}
      </span>
      <span class="figure">{running}<span class="dim">/{of.instances}</span></span>
    </span>
  );
}
