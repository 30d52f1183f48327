// Server-sent events over fetch(): unlike EventSource it tells that a comment has come, which zrms sends when nothing
// happens, and with which status it was refused.
import { Refusal } from './api';
import type { Happened } from './types';

/** Calls `event` for each in turn, and `heard` for whatever comes. Returns when the stream ends; throws where it fails. */
export async function follow(after: number, signal: AbortSignal, heard: () => void, event: (happened: Happened) => void) {
  const answer = await fetch(`/v1/events?after=${after}`, { headers: { Accept: 'text/event-stream' }, cache: 'no-store', signal });
  if (!answer.ok || answer.body === null) throw new Refusal(answer.status, 'unknown', `zrms answered ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data:')) event(JSON.parse(line.slice(5)) as Happened);
  }
}
