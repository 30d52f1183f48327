// Lists that are sorted by a column: by which, the address says ("sort=cpu", downwards "sort=-cpu"). While the pointer or
// the focus is on the rows, what changes in them does not change their places.
import { useRef } from 'preact/hooks';
import { go, route } from '../base/route';

export interface Column<T> { id: string; name: string; of?: (one: T) => string | number; down?: boolean }

function chosen<T>(columns: Column<T>[]) {
  const sort = route.value.query.get('sort') ?? '';
  const id = sort.replace(/^-/, '');
  const column = columns.find((c) => c.id === id && c.of !== undefined);
  return column !== undefined ? { column, down: sort.startsWith('-') } : null;
}

/** The address of this page with something else in what it says. */
export function addressWith(changes: Record<string, string>) {
  const query = new URLSearchParams(route.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') query.delete(name);
    else query.set(name, value);
  }
  return `#/${route.value.page}${query.size > 0 ? `?${query}` : ''}`;
}

/** As the address says; `fallback`: in which order they are where it says nothing. */
export function useSorted<T extends { name: string }>(list: T[], columns: Column<T>[], fallback: (list: T[]) => T[] = (same) => same) {
  const before = useRef<{ sort: string; places: Map<string, number> }>({ sort: '', places: new Map() });
  const sort = route.value.query.get('sort') ?? '';
  const by = chosen(columns);
  const isHeld = before.current.sort === sort && document.querySelector('.sorts:hover, .sorts:focus-within') !== null;
  let sorted: T[];
  if (isHeld) {
    const { places } = before.current;
    sorted = [...list].sort((a, b) => (places.get(a.name) ?? Infinity) - (places.get(b.name) ?? Infinity) || 0);
  } else if (by === null) {
    sorted = fallback(list);
  } else {
    const of = by.column.of!;
    const keys = new Map(list.map((one) => [one, of(one)]));
    const order = (a: T, b: T) => keys.get(a)! < keys.get(b)! ? -1 : keys.get(a)! > keys.get(b)! ? 1 : 0;
    sorted = [...list].sort((a, b) => (by.down ? order(b, a) : order(a, b)) || (a.name < b.name ? -1 : 1));
  }
  if (!isHeld) before.current = { sort, places: new Map(sorted.map((one, k) => [one.name, k])) };
  return sorted;
}

function Button<T>({ of: c, by }: { of: Column<T>; by: ReturnType<typeof chosen<T>> }) {
  const is = by?.column === c;
  const first = c.down === true ? `-${c.id}` : c.id;
  const next = !is ? first : by.down === (c.down === true) ? (by.down ? c.id : `-${c.id}`) : '';
  return (
    <button type="button" class="by" aria-pressed={is} onClick={() => go(addressWith({ sort: next }))}>
      {c.name}<span aria-hidden="true">{is ? (by.down ? ' ↓' : ' ↑') : ''}</span>{is && <span class="hidden">, {by.down ? 'downwards' : 'upwards'}</span>}
    </button>
  );
}

/** Above the rows. Figures begin with the largest. */
export function Columns<T>({ of, row }: { of: Column<T>[]; row: string }) {
  const by = chosen(of);
  return (
    <div class={`columns ${row}`} role="group" aria-label="Sort by">
      {of.map((c) => c.of !== undefined ? <Button key={c.id} of={c} by={by} /> : <span key={c.id}>{c.name}</span>)}
    </div>
  );
}

/** The same in a table, whose first cell names the row. */
export function ColumnHeads<T>({ of }: { of: Column<T>[] }) {
  const by = chosen(of);
  const order = (c: Column<T>) => by?.column === c ? (by.down ? 'descending' : 'ascending') : undefined;
  return <>{of.map((c) => <th key={c.id} class={`h-${c.id}`} aria-sort={order(c)}>{c.of !== undefined ? <Button of={c} by={by} /> : c.name}</th>)}</>;
}
