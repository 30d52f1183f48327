// The list that grows, alone: what the tests of test_console_tail.py do with it.
import { render } from 'preact';
import { signal } from '@preact/signals';
import { Tail } from '../../console/src/parts/tail';
import '../../console/src/styles/logs.css';
import '../../console/src/styles/pages.css';

interface One { seq: number }
const newest = location.hash === '#last' ? 'last' : 'first';
const MAX = 130;
const HEIGHT = 34;
const list = signal<One[]>([]);
const key = signal(0);
let last = 0;

/** So many more; the oldest are dropped. */
const add = (count: number) => {
  const fresh = Array.from({ length: count }, () => ({ seq: ++last }));
  list.value = newest === 'first' ? [...fresh.reverse(), ...list.value].slice(0, MAX) : [...list.value, ...fresh].slice(-MAX);
};
const box = () => document.querySelector('.virtual')!;
const away = () => { box().scrollTop = newest === 'first' ? 340 : box().scrollHeight - box().clientHeight - 340; };
/** Another list in its place, as where another filter is chosen. */
const remake = () => { key.value++; };
/** The row at the upper edge, and what the button says. */
const seen = () => {
  const top = box().getBoundingClientRect().top;
  const row = [...document.querySelectorAll('.event')].find((one) => one.getBoundingClientRect().bottom > top);
  return { row: row?.textContent ?? null, follow: document.querySelector<HTMLElement>('.follow')?.innerText ?? null };
};
Object.assign(window, { add, away, remake, seen });
add(100);
const Page = () => (
  <Tail key={key.value} of={list.value} number={(one) => one.seq} height={HEIGHT} label="List" newest={newest}
    row={(one) => <li class="event" key={one.seq}>{one.seq}</li>} />
);
render(<Page />, document.getElementById('app')!);
