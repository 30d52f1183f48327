// A page whose script is loaded when it is opened first.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export function later(load: () => Promise<ComponentType>): ComponentType {
  let known: ComponentType | undefined;
  return function Later() {
    const [is, set] = useState<'loading' | 'there' | 'failed'>(known !== undefined ? 'there' : 'loading');
    useEffect(() => {
      if (known !== undefined) return;
      load().then((page) => { known = page; set('there'); }, () => set('failed'));
    }, []);
    const Page = known;
    if (is === 'there' && Page !== undefined) return <Page />;
    return <main id="main"><p class="waits" role="status">{is === 'failed' ? 'This page could not be loaded. Reload it when zrms answers.' : ''}</p></main>;
  };
}
