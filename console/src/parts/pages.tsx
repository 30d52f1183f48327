// The pages that the bars name, each with its key after "g".

export const PAGES = [
  { page: 'overview', name: 'Overview', key: 'o', icon: <><rect x="2" y="2" width="6" height="6" rx="1" /><rect x="12" y="2" width="6" height="6" rx="1" /><rect x="2" y="12" width="6" height="6" rx="1" /><rect x="12" y="12" width="6" height="6" rx="1" /></> },
  { page: 'topologies', name: 'Topologies', key: 't', icon: <><circle cx="4.5" cy="10" r="2.2" /><circle cx="15" cy="4.5" r="2.2" /><circle cx="15" cy="15.5" r="2.2" /><path d="m6.5 9 6.5-3.500M6.5 11l6.5 3.5" /></> },
  { page: 'zhosts', name: 'zhosts', key: 'z', icon: <><rect x="2.5" y="3" width="15" height="6" rx="1.5" /><rect x="2.5" y="11" width="15" height="6" rx="1.5" /><path d="M5.5 6h.1M5.5 14h.1" /></> },
  { page: 'events', name: 'Events', key: 'e', icon: <path d="M3 5h14M3 10h14M3 15h9" /> },
  { page: 'logs', name: 'Logs', key: 'l', icon: <><rect x="2.5" y="3" width="15" height="14" rx="1.5" /><path d="m5.500 7.500 2.500 2.500-2.500 2.500M10.500 13h4" /></> },
];

/** A page of one of them belongs to its list. */
export const listOf = (page: string) => ({ zhost: 'zhosts', topology: 'topologies', why: 'topologies' })[page] ?? page;
