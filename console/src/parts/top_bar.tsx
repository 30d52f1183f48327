// The frame of every page: where one can go, who is signed in, and whether what is shown is up to date.
import { signal } from '@preact/signals';
import { signOut } from '../base/api';
import { go, route } from '../base/route';
import { nextTheme, theme } from '../base/theme';
import { clock } from '../base/words';
import { contact, now, self, summary, topologies, zhosts } from '../store/store';
import { Glyph } from './glyph';
import { helps } from './help';
import { listOf, PAGES } from './pages';
import { topologyPage, zhostPage } from './sentence';

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
    <a key={page} href={`#/${page}`} aria-current={listOf(route.value.page) === page ? 'page' : undefined}>
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

const THEME_ICONS = {
  auto: <><circle cx="8" cy="8" r="5.5" /><path d="M8 2.5v11a5.500 5.500 0 0 0 0-11z" fill="currentColor" /></>,
  light: <><circle cx="8" cy="8" r="3" /><path d="M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1" /></>,
  dark: <path d="M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z" />,
};

function Tools() {
  return (
    <span class="tools">
      <button type="button" class="button quiet theme" title={`Theme: ${theme.value}`} aria-label={`Theme: ${theme.value}`} onClick={nextTheme}>
        <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{THEME_ICONS[theme.value]}</svg>
      </button>
      <button type="button" class="button quiet" title="Keys" aria-label="Keys" onClick={() => { helps.value = true; }}>?</button>
    </span>
  );
}

const Cluster = () => {
  const name = summary.value?.name ?? '';
  return name !== '' ? <span class="cluster cut" title={`cluster ${name}`}>{name}</span> : null;
};

export function TopBar() {
  return (
    <header class="top">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.querySelector<HTMLElement>('a,button,input')?.focus(); }}>To the content</a>
      <span class="brand"><Mark /><span class="wide">Samoza</span><Cluster /></span>
      <nav aria-label="Pages"><Links icons={false} /></nav>
      <span class="space" />
      <GoTo />
      <Badge />
      <span class="who"><b>{self.value?.user}</b> ({self.value?.role})</span>
      <Tools />
      <button type="button" class="button quiet out" onClick={leaveSession}>Sign out</button>
    </header>
  );
}

/** On a narrow page: what the bar above has no room for. */
export function Foot() {
  return (
    <footer>
      <span class="soft">{self.value?.user} ({self.value?.role})</span>
      <span class="space" />
      <Tools />
      <button type="button" class="button quiet" onClick={leaveSession}>Sign out</button>
    </footer>
  );
}

export function BottomBar() {
  return <nav class="tabs" aria-label="Pages, below"><Links icons={true} /></nav>;
}
