// The frame of every page: where one can go, who is signed in, and whether what is shown is up to date.
import { signal } from '@preact/signals';
import { signOut } from '../base/api';
import { go, route } from '../base/route';
import { clock } from '../base/words';
import { contact, now, self, summary, topologies, zhosts } from '../store/store';
import { Glyph } from './glyph';
import { topologyPage, zhostPage } from './sentence';

export const PAGES = [
  { page: 'overview', name: 'Overview', key: 'o', icon: <><rect x="2" y="2" width="6" height="6" rx="1" /><rect x="12" y="2" width="6" height="6" rx="1" /><rect x="2" y="12" width="6" height="6" rx="1" /><rect x="12" y="12" width="6" height="6" rx="1" /></> },
  { page: 'topologies', name: 'Topologies', key: 't', icon: <><circle cx="4.5" cy="10" r="2.2" /><circle cx="15" cy="4.5" r="2.2" /><circle cx="15" cy="15.5" r="2.2" /><path d="m6.5 9 6.5-3.500M6.5 11l6.5 3.5" /></> },
  { page: 'zhosts', name: 'zhosts', key: 'z', icon: <><rect x="2.5" y="3" width="15" height="6" rx="1.5" /><rect x="2.5" y="11" width="15" height="6" rx="1.5" /><path d="M5.5 6h.1M5.5 14h.1" /></> },
  { page: 'events', name: 'Events', key: 'e', icon: <path d="M3 5h14M3 10h14M3 15h9" /> },
];

export const Mark = () => (
  <svg class="mark" viewBox="0 0 20 20" aria-hidden="true">
    <path d="M10 1.5 17.5 5.750v8.500L10 18.500l-7.5-4.250v-8.500z" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" />
    <circle cx="10" cy="10" r="3" fill="currentColor" />
  </svg>
);

function Badge() {
  const c = contact.value;
  if (c.kind === 'live') return <span class="live"><i /><span>Live<time>, {clock(now.value)}</time></span></span>;
  if (c.kind === 'lost') return <span class="live lost" role="alert"><Glyph state="problem" /><span>No contact since {clock(c.since)}</span></span>;
  return <span class="live"><span>Catching up</span></span>;
}

function Links({ icons }: { icons: boolean }) {
  const count = summary.value?.attention_count ?? 0;
  return PAGES.map(({ page, name, icon }) => (
    <a key={page} href={`#/${page}`} aria-current={route.value.page === page ? 'page' : undefined}>
      {icons && <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" aria-hidden="true">{icon}</svg>}
      {name}
      {page === 'overview' && count > 0 && <span class="badge">{count}<span class="hidden"> need attention</span></span>}
    </a>
  ));
}

/* ---- go to ---- */

const MATCHES = 8;
const typed = signal('');
const picked = signal(0);

interface Match { name: string; kind: string; state: string; address: string }

function found(): Match[] {
  const text = typed.value.trim().toLowerCase();
  if (text === '') return [];
  const pages = PAGES.map((p): Match => ({ name: p.name, kind: 'page', state: 'running', address: `#/${p.page}` }));
  const named = [
    ...topologies.value.map((t): Match => ({ name: t.name, kind: 'topology', state: t.state, address: topologyPage(t.name) })),
    ...zhosts.value.map((z): Match => ({ name: z.name, kind: 'zhost', state: z.state, address: zhostPage(z.name) })),
  ];
  const all = [...pages, ...named].filter((m) => m.name.toLowerCase().includes(text));
  const begins = (m: Match) => m.name.toLowerCase().startsWith(text) ? 0 : 1;
  return all.sort((a, b) => begins(a) - begins(b)).slice(0, MATCHES);
}

function leave(address: string) {
  typed.value = '';
  (document.activeElement as HTMLElement | null)?.blur();
  go(address);
}

function GoTo() {
  const matches = found();
  const at = Math.min(picked.value, matches.length - 1);
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') picked.value = Math.min(matches.length - 1, at + 1);
    else if (event.key === 'ArrowUp') picked.value = Math.max(0, at - 1);
    else if (event.key === 'Enter' && matches[at] !== undefined) leave(matches[at].address);
    else if (event.key === 'Escape') { typed.value = ''; (event.currentTarget as HTMLElement).blur(); } else return;
    event.preventDefault();
  };
  return (
    <span class="go-to">
      <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true"><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3.5 3.5" /></svg>
      <input id="go-to" role="combobox" aria-label="Go to a name" placeholder="Go to a name" autocomplete="off" aria-expanded={matches.length > 0}
        aria-controls="matches" aria-activedescendant={matches[at] !== undefined ? `match-${at}` : undefined} value={typed.value}
        onInput={(event) => { typed.value = event.currentTarget.value; picked.value = 0; }} onKeyDown={keys} />
      <kbd>/</kbd>
      <ul id="matches" role="listbox" aria-label="Names" hidden={matches.length === 0}>
        {matches.map((m, k) => (
          <li key={m.address} id={`match-${k}`} role="option" aria-selected={k === at} onMouseDown={(event) => { event.preventDefault(); leave(m.address); }}>
            <Glyph state={m.state} size="small" /><span class="cut">{m.name}</span><span class="dim">{m.kind}</span>
          </li>
        ))}
      </ul>
    </span>
  );
}

async function leaveSession() {
  await signOut().catch(() => undefined);
  self.value = null;
}

export function TopBar() {
  return (
    <header class="top">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.querySelector<HTMLElement>('a,button,input')?.focus(); }}>To the content</a>
      <span class="brand"><Mark /><span class="wide">Samoza</span></span>
      <nav aria-label="Pages"><Links icons={false} /></nav>
      <span class="space" />
      <GoTo />
      <Badge />
      <span class="who"><b>{self.value?.user}</b> ({self.value?.role})</span>
      <button type="button" class="button quiet out" onClick={leaveSession}>Sign out</button>
    </header>
  );
}

/** On a narrow page: what the bar above has no room for. */
export function Foot() {
  return (
    <footer>
      <span class="soft">{self.value?.user} ({self.value?.role})</span>
      <button type="button" class="button quiet" onClick={leaveSession}>Sign out</button>
    </footer>
  );
}

export function BottomBar() {
  return <nav class="tabs" aria-label="Pages, below"><Links icons={true} /></nav>;
}
