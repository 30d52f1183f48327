// Keys of the whole page: "/" goes to the field for names, "g" and a letter to a page, "?" says so.
import { go } from './base/route';
import { helps, letters } from './parts/help';
import { PAGES } from './parts/pages';

const PAUSE_MS = 1500;
let began = -Infinity;

const isTyping = (element: Element | null) => element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;

export function listenToKeys() {
  addEventListener('keydown', (event) => {
    if (letters.value === 'off' || helps.value) return;
    if (isTyping(document.activeElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') {
      event.preventDefault();
      document.getElementById('go-to')?.focus();
    } else if (event.key === '?') {
      helps.value = true;
    } else if (event.key === 'g') {
      began = performance.now();
    } else if (performance.now() - began < PAUSE_MS) {
      const page = PAGES.find((p) => p.key === event.key);
      if (page !== undefined) go(`#/${page.page}`);
      began = -Infinity;
    }
  });
}
