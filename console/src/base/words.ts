// Words, times and amounts, as people read them.

const WORDS: Record<string, string> = {
  'deployed-started': 'running',
  'deployed-stopped': 'deployed - stopped',
  'not-deployed': 'not deployed',
  'waiting-for-ancestor': 'waiting for ancestor',
};

/** The word for people of a state in its API spelling. */
export const word = (state: string) => WORDS[state] ?? state;

export const plural = (count: number, one: string, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
export const number = (value: number) => value.toLocaleString('en');
export const percent = (part: number, whole: number) => whole > 0 ? Math.round(100 * part / whole) : 0;

/** "3 min 36 s", "22 min", "4 h", "9 d". */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

const two = (value: number) => String(value).padStart(2, '0');
export const clock = (at: Date) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

/** The clock today, the weekday this week, then the date. */
export function moment(text: string, now: Date): string {
  const at = new Date(text);
  if (at.toDateString() === now.toDateString()) return clock(at);
  const days = (now.getTime() - at.getTime()) / 86400000;
  return days < 6 ? at.toLocaleDateString('en', { weekday: 'short' }) : at.toLocaleDateString('en', { day: 'numeric', month: 'short' });
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** "1.5 GiB", "512 MiB". */
export function bytes(value: number): string {
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)} ${UNITS[unit]}`;
}

/** "7.3", "0.05": of cores. */
export const cores = (millicores: number) => String(Number((millicores / 1000).toFixed(millicores < 1000 ? 2 : 1)));
