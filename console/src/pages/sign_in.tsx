import { useSignal } from '@preact/signals';
import { Refusal, signIn } from '../base/api';
import { Mark } from '../parts/top_bar';
import { contact, self } from '../store/store';

/** Why it did not work; NULL: it did. */
export async function trySignIn(text: string): Promise<string | null> {
  try {
    self.value = await signIn(text.trim());
    return null;
  } catch (error) {
    return error instanceof Refusal ? error.message : 'zrms does not answer';
  }
}

export function SignIn({ why }: { why: string }) {
  const refused = useSignal(why);
  const waits = useSignal(false);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('proof') as HTMLInputElement;
    waits.value = true;
    refused.value = await trySignIn(field.value) ?? '';
    waits.value = false;
  }
  return (
    <main id="main" class="sign-in">
      <form class="card" onSubmit={submit}>
        <h1><Mark /> Samoza</h1>
        <label for="proof">One-time code, or a token</label>
        <input id="proof" name="proof" class="field" type="password" autocomplete="off" required autofocus
          aria-describedby="help refused" aria-invalid={refused.value !== ''} />
        <p id="refused" role="alert">{refused.value}</p>
        <button class="button primary" disabled={waits.value || contact.value.kind === 'lost'}>Sign in</button>
        <p id="help" class="soft">This prints a code that is good once, for 10 minutes: <code class="command">zshell user code</code></p>
      </form>
    </main>
  );
}
