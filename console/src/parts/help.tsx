// The keys, and how the console looks.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { kept } from '../base/kept';
import { PAGES } from './pages';

/** Who speaks to the machine instead of typing turns them off. */
export const letters = kept('letters', ['on', 'off'] as const, 'on');
export const helps = signal(false);

const KEYS: [string[], string][] = [
  [['/'], 'go to a name'],
  ...PAGES.map((p): [string[], string] => [['g', p.key], p.name]),
  [['←', '→', '↑', '↓'], 'on, among tiles and rows'],
  [['Enter'], 'open what has the focus'],
  [['Esc'], 'close, or leave a field'],
  [['?'], 'this help'],
];

function Dialog() {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => { box.current!.showModal(); }, []);
  const close = () => { helps.value = false; };
  return (
    <dialog class="help" ref={box} aria-labelledby="help-name" onClose={close}
      onClick={(event) => { if (event.target === box.current) box.current!.close(); }}>
      <div>
        <h2 id="help-name">Keys</h2>
        <dl>
          {KEYS.map(([keys, text]) => (
            <div key={text}><dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{text}</dd></div>
          ))}
        </dl>
        <label><input type="checkbox" checked={letters.value === 'on'} onChange={(event) => { letters.value = event.currentTarget.checked ? 'on' : 'off'; }} /> Letters and signs are keys</label>
        <p class="soft">Whatever is done here, zshell does, too: <code>zshell help</code>. All of it: <a href="/docs/index.html" target="_blank" rel="noreferrer">the manual</a></p>
        <button type="button" class="button" onClick={() => box.current!.close()}>Close</button>
      </div>
    </dialog>
  );
}

export const Help = () => helps.value ? <Dialog /> : null;
