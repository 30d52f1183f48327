// The console of Samoza.
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app';
import { takeCode } from './base/route';
import { listenToKeys } from './keys';
import { trySignIn } from './pages/sign_in';
import { keepUp, whoIsIt } from './store/live';
import { self } from './store/store';

const code = takeCode();
// Who has opened an address with a code again is signed in by the cookie.
const why = code !== null ? await trySignIn(code) ?? '' : '';
render(<App why={why} />, document.getElementById('app')!);
listenToKeys();
if (self.value === undefined) self.value = await whoIsIt();

let isKept = false;
effect(() => {
  if (self.value === null || self.value === undefined || isKept) return;
  isKept = true;
  void keepUp().then(() => { isKept = false; });
});
