// What a page reads besides the store: at once, again after what has happened, and every some seconds.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Happened } from './types';
import { Refusal, isPassing } from './api';
import { happened, isLost } from '../store/store';

const SPACING_MS = 1000; // between two requests

export interface Loaded<T> { value: T | null; why: string; again: () => void }

/** `key`: of what; another one begins again. `concerns`: whether what has happened changes it. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>, everyMs: number, concerns: (e: Happened) => boolean = () => false): Loaded<T> {
  const [state, setState] = useState<{ key: string; value: T | null; why: string }>({ key, value: null, why: '' });
  const read = useRef<{ at: number; seq: number; ask: () => void }>({ at: 0, seq: 0, ask: () => undefined });
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAt = Infinity;
    let runs = false;
    let wants = false; // once more, when it has run
    const plan = (ms: number) => {
      const at = Math.max(performance.now() + ms, read.current.at + SPACING_MS);
      if (runs) return void (wants = true);
      if (at >= isAt) return;
      clearTimeout(timer);
      isAt = at;
      timer = setTimeout(() => { isAt = Infinity; void once(); }, at - performance.now());
    };
    async function once() {
      runs = true;
      read.current.at = performance.now();
      try {
        const value = await load(abort.signal);
        if (!abort.signal.aborted) setState({ key, value, why: '' });
      } catch (error) {
        if (!abort.signal.aborted) setState((before) => ({ key, value: before.key === key && (!(error instanceof Refusal) || isPassing(error)) ? before.value : null, why: error instanceof Refusal ? error.message : 'zrms does not answer' }));
      }
      runs = false;
      if (!abort.signal.aborted) plan(wants ? 0 : everyMs);
      wants = false;
    }
    read.current.seq = happened.value[0]?.seq ?? 0;
    read.current.ask = () => plan(0);
    void once();
    return () => { abort.abort(); clearTimeout(timer); };
  }, [key]);
  const events = happened.value;
  useEffect(() => {
    const { seq } = read.current;
    read.current.seq = events[0]?.seq ?? seq;
    for (const e of events) {
      if (e.seq <= seq) break;
      if (concerns(e)) {
        read.current.ask();
        break;
      }
    }
  }, [events]);
  useEffect(() => { if (!isLost.value) read.current.ask(); }, [isLost.value]);
  return { value: state.key === key ? state.value : null, why: state.key === key ? state.why : '', again: () => read.current.ask() };
}
