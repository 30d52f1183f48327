// What an instance gets as env, config and secrets (never a secret's value), what its references stand for now, and whether its process has that.
import { effect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { read } from '../base/api';
import type { SpaceView } from '../base/types';
import { Card } from './card';
import { happened } from '../store/store';
import { address } from '../store/topology';

const SOON_MS = 250;
type Found = SpaceView['settings'];

function useSettings(topology: string, path: string): Found {
  const [found, set] = useState<{ path: string; settings: Found } | null>(null);
  useEffect(() => {
    if (path === '') return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      timer = undefined;
      const answer = await read<SpaceView>(address(topology, `/spaces/${path.split('/').map(encodeURIComponent).join('/')}`), abort.signal).catch(() => null);
      if (!abort.signal.aborted && answer !== null) set({ path, settings: answer.settings });
    };
    const end = effect(() => {
      void happened.value;
      timer ??= setTimeout(ask, SOON_MS);
    });
    return () => { end(); clearTimeout(timer); abort.abort(); };
  }, [topology, path]);
  return found?.path === path ? found.settings : undefined;
}

export function Settings({ topology, path }: { topology: string; path: string }) {
  const settings = useSettings(topology, path);
  if (settings === undefined) return null;
  const rows: [string, string, string][] = [
    ...(settings.env ?? []).map(({ name, value }): [string, string, string] => ['env', name, value]),
    ...(settings.config ?? []).map((name): [string, string, string] => ['config', name, 'a file of its own']),
    ...(settings.references ?? []).map(({ name, value }): [string, string, string] => ['import', `imports.${name}`, value ?? 'no provider gives it']),
    ...(settings.secrets ?? []).map((s): [string, string, string] =>
      ['secret', s.as ?? s.file ?? '', s.version === undefined ? `${s.name} is not set for this topology` : `${s.name}, version ${s.version}`])];
  return (
    <Card id="settings" name="What it gets">
      <div class="table-box" tabIndex={0} role="region" aria-label="Env, config and secrets of the instance">
        <table>
          <thead><tr><th>Kind</th><th>Name</th><th>Value</th></tr></thead>
          <tbody>{rows.map(([kind, name, value]) => (
            <tr key={kind + name} data-setting={name}><td class="soft">{kind}</td><td class="name">{name}</td><td class="on">{value}</td></tr>
          ))}</tbody>
        </table>
      </div>
      <p class="soft reload">{settings.waits === undefined ? `A value that changes is taken by ${settings.reload}.`
        : `Its process has other values than it would get now (${settings.reload}): ${settings.waits}.`}</p>
    </Card>
  );
}
