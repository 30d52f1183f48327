// Requests to zrms. Reads go by the session's cookie; whatever changes something shows the session's word besides, which no
// other site knows: it is told once, at the sign-in, and kept in storage of this origin.
import type { Self } from './types';

const WORD = 'samoza-session-word';

export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, message: string) { super(message); }
}

async function refusal(answer: Response): Promise<Refusal> {
  const body = await answer.json().catch(() => ({})) as { error?: { code: string; message: string } };
  return new Refusal(answer.status, body.error?.code ?? 'unknown', body.error?.message ?? `zrms answered ${answer.status}`);
}

/** Not now: what was read before may be so still. */
export const isPassing = (error: unknown) => error instanceof Refusal && (error.status >= 500 || error.status === 429);

/** Nobody is signed in, or no longer. */
export const isSignedOut = (error: unknown) => error instanceof Refusal && error.status === 401;

export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(path, { headers: { Accept: 'application/json' }, cache: 'no-store', signal });
  if (!answer.ok) throw await refusal(answer);
  return await answer.json() as T;
}

export async function change(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = { 'Samoza-Session': localStorage.getItem(WORD) ?? '', 'Idempotency-Key': crypto.randomUUID() };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, { method, headers, body: body !== undefined ? JSON.stringify(body) : undefined });
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? null : answer.json();
}

/** `text`: a one-time code, or a token. */
export async function signIn(text: string): Promise<Self> {
  const proof = text.startsWith('smzc_') ? { code: text } : { token: text };
  const answer = await fetch('/v1/sign-in', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(proof),
  });
  if (!answer.ok) throw await refusal(answer);
  const self = await answer.json() as Self;
  localStorage.setItem(WORD, self.word ?? '');
  return self;
}

export async function signOut(): Promise<void> {
  await change('DELETE', '/v1/session');
  localStorage.removeItem(WORD);
}
