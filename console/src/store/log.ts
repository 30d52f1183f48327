// The log of one instance, as it is written: the last lines, then each new one. A stream that ends is asked for again as long
// as the page is open; what it repeats is not shown twice.
import { signal, type Signal } from '@preact/signals';
import { Refusal } from '../base/api';

export interface Line { n: number; text: string }
export interface Log { lines: Signal<Line[]>; dropped: Signal<number>; state: Signal<{ kind: 'reads' | 'follows' | 'waits' | 'refused'; why: string }>; close: () => void }

export const LINES_MAX = 20000;
const FIRST = 1000;
const AGAIN_MS = 2000;
const OVERLAP_MAX = 1000;

/** How many of the first of `lines` are the last of what is known. */
function overlap(known: Line[], lines: string[]) {
  for (let k = Math.min(known.length, lines.length, OVERLAP_MAX); k > 0; k--) {
    let same = true;
    for (let at = 0; at < k && same; at++) same = known[known.length - k + at]!.text === lines[at];
    if (same) return k;
  }
  return 0;
}

export function openLog(topology: string, path: string): Log {
  const abort = new AbortController();
  const log: Log = { lines: signal([]), dropped: signal(0), state: signal({ kind: 'reads', why: '' }), close: () => abort.abort() };
  let last = 0;
  let pending: string[] = [];
  let isFirst = true; // of a stream: it begins with what may be known
  const flush = () => {
    const came = pending;
    pending = [];
    const known = log.lines.value;
    const fresh = came.slice(isFirst ? overlap(known, came) : 0);
    isFirst = false;
    if (fresh.length === 0) return;
    const all = known.concat(fresh.map((text) => ({ n: ++last, text })));
    const over = Math.max(0, all.length - LINES_MAX);
    if (over > 0) log.dropped.value += over;
    log.lines.value = over > 0 ? all.slice(over) : all;
  };
  const take = (lines: string[]) => {
    if (lines.length === 0) return;
    // A page that is not seen has no frames.
    if (pending.length === 0) (document.hidden ? (done: () => void) => setTimeout(done, 100) : requestAnimationFrame)(flush);
    pending.push(...lines);
    if (pending.length > LINES_MAX) pending = pending.slice(-LINES_MAX);
  };
  async function once() {
    const answer = await fetch(`/v1/topologies/${encodeURIComponent(topology)}/logs?path=${encodeURIComponent(path)}&lines=${FIRST}&follow=1`,
      { headers: { Accept: 'text/event-stream' }, cache: 'no-store', signal: abort.signal });
    if (!answer.ok || answer.body === null) {
      const body = await answer.json().catch(() => ({})) as { error?: { message: string } };
      throw new Refusal(answer.status, 'refused', body.error?.message ?? `zrms answered ${answer.status}`);
    }
    isFirst = true;
    log.state.value = { kind: 'follows', why: '' };
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part.startsWith('data:')) take((JSON.parse(part.slice(5)) as { lines?: string[] }).lines ?? []);
    }
  }
  void (async () => {
    while (!abort.signal.aborted) {
      try {
        await once();
        log.state.value = { kind: 'waits', why: 'its log ended here' };
      } catch (error) {
        if (error instanceof Refusal && (error.status === 401 || error.status === 403)) {
          log.state.value = { kind: 'refused', why: error.message };
          return;
        }
        log.state.value = { kind: 'waits', why: error instanceof Refusal ? error.message : 'zrms does not answer' };
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  })();
  return log;
}
