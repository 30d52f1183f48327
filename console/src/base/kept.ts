// What somebody has chosen, kept by the browser for this origin.
import { effect, signal } from '@preact/signals';

export function kept<T extends string>(name: string, of: readonly T[], fallback: T) {
  const key = `samoza-${name}`;
  const before = localStorage.getItem(key) as T | null;
  const value = signal<T>(before !== null && of.includes(before) ? before : fallback);
  effect(() => { localStorage.setItem(key, value.value); });
  return value;
}
