import type { ComponentChildren } from 'preact';
import { useSignalEffect } from '@preact/signals';
import { route } from './base/route';
import { Events } from './pages/events';
import { Topologies, Zhosts } from './pages/lists';
import { Logs } from './pages/logs';
import { Overview } from './pages/overview';
import { ZhostPage } from './pages/zhost';
import { SignIn } from './pages/sign_in';
import { Help } from './parts/help';
import { later } from './parts/later';
import { listOf, PAGES } from './parts/pages';
import { BottomBar, Foot, TopBar } from './parts/top_bar';
import { contact, isLost, self, summary } from './store/store';

const Topology = later(async () => (await import('./pages/topology')).Topology);
const Why = later(async () => (await import('./pages/why')).Why);

const pages: Record<string, () => ComponentChildren> = {
  topology: () => <Topology />, why: () => <Why />,
  overview: () => <Overview />, topologies: () => <Topologies />, zhosts: () => <Zhosts />, events: () => <Events />,
  logs: () => <Logs />, zhost: () => <ZhostPage />,
};

function Content() {
  if (summary.value === null) return <main id="main"><p class="waits" role="status">{isLost.value ? 'zrms does not answer. This page tries again.' : 'Reading the cluster'}</p></main>;
  return (pages[route.value.page] ?? pages['overview']!)();
}

export function App({ why }: { why: string }) {
  useSignalEffect(() => {
    const { page, query } = route.value;
    const name = PAGES.find((p) => p.page === listOf(page))?.name ?? 'Overview';
    const one = page !== listOf(page) ? query.get('topology') ?? query.get('name') ?? '' : '';
    const where = [one, name, summary.value?.name ?? '', 'Samoza'].filter((part) => part !== '');
    document.title = self.value ? where.join(', ') : 'Sign in, Samoza';
  });
  if (self.value === undefined) return <main id="main"><p class="waits" role="status">{contact.value.kind === 'lost' ? 'zrms does not answer. This page tries again.' : ''}</p></main>;
  if (self.value === null) return <SignIn why={why} />;
  return (
    <div class={isLost.value ? 'frame lost' : 'frame'}>
      <TopBar />
      <Content />
      <Foot />
      <BottomBar />
      <Help />
      <p class="hidden" role="status">{contact.value.kind === 'live' ? 'In contact with zrms' : ''}</p>
    </div>
  );
}
