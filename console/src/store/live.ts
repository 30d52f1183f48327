// Keeps the store up to date:
//
//   summary ──► events after it ──► a batch a frame ──► a further summary, soon after something has happened
//      ▲                                │ ends, fails, or is silent
//      └────────── a second later ◄─────┘ the page says since when there is no contact
import { batch } from '@preact/signals';
import { isSignedOut, read } from '../base/api';
import { follow } from '../base/stream';
import type { Happened, Self, Summary } from '../base/types';
import { contact, forget, happened, self, takeEvents, takeHistory, takeSummary, tick, zhostsOf } from './store';

const SILENCE_MS = 20000; // zrms sends something every 15 s
const RETRY_MS = 1000;
const SOON_MS = 150; // what belongs to one change has come by then
const SPACING_MS = 1000; // between two summaries
const SPACING_MAX_MS = 5_000; // however long a reading takes: what somebody has asked for by a button is to be seen
const SAMPLE_MS = 10000; // loads come by no event
const HISTORY = 200;
const BATCH_MS = 100; // between two batches of events: each is seen well within 200 ms

const pause = () => new Promise((done) => setTimeout(done));
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

let refreshing = false;
let wanted = false; // something has happened since
let timer: ReturnType<typeof setTimeout> | undefined;
let due = Infinity;
let spacing = SPACING_MS;
let refreshed = 0;

async function refresh() {
  if (refreshing) return void (wanted = true);
  if (contact.value.kind !== 'live') return;
  refreshing = true;
  const began = performance.now();
  try {
    const next = await read<Summary>('/v1/summary');
    await pause(); // what was read is taken in a task of its own
    const list = zhostsOf(next);
    await pause();
    batch(() => takeSummary(next, list));
  } catch {
    // The stream ends, too, and says what that means.
  } finally {
    refreshing = false;
    refreshed = performance.now();
    spacing = Math.min(SPACING_MAX_MS, Math.max(SPACING_MS, 10 * (refreshed - began))); // a large cluster is not asked all the time
    plan(wanted ? SOON_MS : SAMPLE_MS);
    wanted = false;
  }
}

/** A summary within so many ms. */
function plan(ms: number) {
  const at = Math.max(performance.now() + ms, refreshed + spacing);
  if (at >= due && timer !== undefined) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(() => { timer = undefined; due = Infinity; void refresh(); }, at - performance.now());
}

let queue: Happened[] = [];
let taken = -Infinity; // the last batch

function take(event: Happened) {
  if (queue.push(event) > 1) return;
  // A page that is not seen has no frames.
  const soon = document.hidden ? (done: () => void) => setTimeout(done, SOON_MS) : requestAnimationFrame;
  const rest = Math.max(0, taken + BATCH_MS - performance.now());
  (rest > 0 ? (done: () => void) => setTimeout(() => soon(done), rest) : soon)(() => {
    const events = queue;
    queue = [];
    taken = performance.now();
    batch(() => takeEvents(events));
    plan(SOON_MS);
  });
}

async function once() {
  const [first, history] = await Promise.all([read<Summary>('/v1/summary'), read<{ events: Happened[] }>(`/v1/events?stream=0&newest=${HISTORY}`)]);
  await pause();
  const list = zhostsOf(first);
  await pause();
  batch(() => {
    takeSummary(first, list);
    takeHistory(history.events);
    contact.value = { kind: 'live' };
  });
  plan(SAMPLE_MS);
  const abort = new AbortController();
  let heard = performance.now();
  const watch = setInterval(() => { if (performance.now() - heard > SILENCE_MS) abort.abort(); }, 1000);
  try {
    await follow(Math.min(first.seq, happened.value[0]?.seq ?? first.seq), abort.signal, () => { heard = performance.now(); }, take);
  } finally {
    clearInterval(watch);
  }
}

/** Ends when nobody is signed in any more. */
export async function keepUp(): Promise<void> {
  for (;;) {
    try {
      await once();
    } catch (error) {
      if (isSignedOut(error)) break;
    }
    if (contact.value.kind !== 'lost') contact.value = { kind: 'lost', since: new Date() };
    await wait(RETRY_MS);
  }
  batch(() => {
    forget();
    contact.value = { kind: 'connecting' };
    self.value = null;
  });
}

/** Asks who is signed in until zrms answers. */
export async function whoIsIt(): Promise<Self | null> {
  for (;;) {
    try {
      return await read<Self>('/v1/session');
    } catch (error) {
      if (isSignedOut(error)) return null;
      if (contact.value.kind !== 'lost') contact.value = { kind: 'lost', since: new Date() };
      await wait(RETRY_MS);
    }
  }
}

setInterval(tick, 1000);
