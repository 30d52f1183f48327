// What is dangerous is done when its name has been typed.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Refusal } from '../base/api';
import { isLost } from '../store/store';

/** A request that somebody asks for by a button: while it is on its way, and what was refused. */
export function useRequest(): [(request: () => Promise<unknown>) => Promise<void>, boolean, string] {
  const [state, setState] = useState({ waits: false, why: '' });
  async function ask(request: () => Promise<unknown>) {
    setState({ waits: true, why: '' });
    try {
      await request();
      setState({ waits: false, why: '' });
    } catch (error) {
      setState({ waits: false, why: error instanceof Refusal ? error.message : 'zrms does not answer' });
    }
  }
  return [ask, state.waits, state.why];
}

/** `isOff`: not now, whatever is typed; what was typed stays. */
export function ConfirmByName({ name, of, verb, children, command, run, isOff = false }: {
  name: string; of: string; verb: string; children?: ComponentChildren; command: string; run: () => Promise<unknown>; isOff?: boolean;
}) {
  const [typed, setTyped] = useState('');
  const [ask, waits, why] = useRequest();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (typed === name && !waits && !isOff) void ask(run);
  };
  return (
    <form class="confirm" onSubmit={submit}>
      {children}
      <label>Type the name of the {of}
        <input class="field" autocomplete="off" spellcheck={false} placeholder={name} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <button class="button primary" disabled={typed !== name || waits || isOff || isLost.value}>{verb} {name}</button>
      <p role="alert">{why}</p>
      <code class="command">{command}</code>
    </form>
  );
}
