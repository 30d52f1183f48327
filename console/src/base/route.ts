// Where one is: "#/zhosts?state=problem". Behind "#" nothing is sent to a server.
import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => { hash.value = location.hash; });

/** The name of the page, and what its address says besides. */
export const route = computed(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?');
  return { page: path || 'overview', query: new URLSearchParams(query) };
});

/** At once: what goes on from there is asked before the browser tells. */
export const go = (address: string) => {
  location.hash = address;
  hash.value = location.hash;
};

/** Takes the one-time code out of the address that somebody was given: "#code=smzc_…". */
export function takeCode(): string | null {
  const match = /^#code=([\w-]+)$/.exec(location.hash);
  if (match === null) return null;
  history.replaceState(null, '', location.pathname);
  hash.value = '';
  return match[1] ?? null;
}
