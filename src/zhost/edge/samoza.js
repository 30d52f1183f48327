// What zedge gives to the pages of a UI space.
//
//   <script src="samoza.js"></script>            samoza.emit(...), samoza.onMessage(...)
//   import { emit, onMessage } from "./samoza.js";
//
//   emit(path, data [, {retry: milliseconds}])
//       Sends along a declared path of this space, by its name; or "path#sender" to answer
//       exactly that sender. data: a string, bytes (ArrayBuffer or a view of one), or
//       anything else, which is sent as JSON. The promise is fulfilled when a receiver has
//       been found and the message is on its way, and rejected with an Error whose `code`
//       says why not: "unreachable" (nobody is there), "again" (its queue is full),
//       "no-path", "too-large", "offline". While a receiver is unreachable or full, it is
//       tried again for `retry` milliseconds (default 5000; 0: once).
//   onMessage(callback)
//       callback(path, data, message) for each message: data is a string, or a Uint8Array
//       when it is no text; message is {path, from, data}, where `from` can be given to
//       emit() as "path#from". Returns a function that ends it.
//   onStatus(callback)     callback(isConnected), at once and at each change
//   placements()           promise of {topology, zedge, spaces: [{path, space, type, zhost}]}
//
// The page keeps its session while spaces are re-placed, and reconnects by itself.
(() => {
  "use strict";
  if (globalThis.samoza !== undefined) return;
  const parts = location.pathname.split("/");
  const base = `/${parts[1]}/${parts[2]}/_samoza/`;
  const callbacks = new Set();
  const watchers = new Set();
  let session = null;
  let connected = false;
  let waiting = []; // of those who need a session
  let source = null;
  let pause = 200;

  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  function failure(code, message) {
    return Object.assign(new Error(message), { code });
  }

  function setConnected(value) {
    if (connected === value) return;
    connected = value;
    for (const watcher of [...watchers]) watcher(value);
  }

  function bytesOf(base64) {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  }

  function take(event) {
    const m = JSON.parse(event.data);
    const data = m.base64 === undefined ? m.text : bytesOf(m.base64);
    for (const callback of [...callbacks]) {
      try {
        callback(m.path, data, { path: m.path, from: m.from, data });
      } catch (error) {
        console.error(error);
      }
    }
  }

  function connect() {
    const query = session === null ? "" : `?session=${session}`;
    source = new EventSource(base + "messages" + query);
    source.addEventListener("session", (event) => {
      session = JSON.parse(event.data).session;
      pause = 200;
      setConnected(true);
      for (const resolve of waiting.splice(0)) resolve();
    });
    source.addEventListener("message", take);
    source.addEventListener("error", () => {
      // Left alone it would go on with the address of the first time, or give up for ever.
      source.close();
      setConnected(false);
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, 2000);
    });
  }

  function ready(deadline) {
    if (session !== null) return Promise.resolve();
    return new Promise((resolve, reject) => {
      waiting.push(resolve);
      setTimeout(() => reject(failure("offline", "zedge does not answer")),
        Math.max(deadline - Date.now(), 1000));
    });
  }

  function bodyOf(data) {
    if (typeof data === "string") return data;
    if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return data;
    return JSON.stringify(data);
  }

  async function post(path, body) {
    let response;
    try {
      response = await fetch(`${base}emit?path=${encodeURIComponent(path)}`, {
        method: "POST",
        headers: { "X-Samoza-Session": session, "Content-Type": "application/octet-stream" },
        body,
      });
    } catch (error) {
      // It may have arrived: sending it again could deliver it twice.
      throw failure("offline", `zedge cannot be reached: ${error.message}`);
    }
    if (response.ok) return;
    const said = await response.json().catch(() => null);
    const code = said?.error?.code ?? "failed";
    throw failure(code, said?.error?.message ?? `zedge answered ${response.status}`);
  }

  async function emit(path, data, options = {}) {
    const deadline = Date.now() + (options.retry ?? 5000);
    const body = bodyOf(data);
    for (let wait = 50; ; wait = Math.min(wait * 2, 1000)) {
      await ready(deadline);
      try {
        return await post(path, body);
      } catch (error) {
        if (error.code === "session") {
          session = null; // zedge was restarted: the stream brings a new one
          if (source.readyState === EventSource.OPEN) {
            source.close();
            connect();
          }
        } else if (error.code !== "again" && error.code !== "unreachable") {
          throw error;
        }
        if (Date.now() + wait > deadline) throw error;
        await sleep(wait);
      }
    }
  }

  function onMessage(callback) {
    callbacks.add(callback);
    return () => callbacks.delete(callback);
  }

  function onStatus(callback) {
    watchers.add(callback);
    callback(connected);
    return () => watchers.delete(callback);
  }

  async function placements() {
    const response = await fetch(base + "placements", { cache: "no-store" });
    if (!response.ok) throw failure("unreachable", `zedge answered ${response.status}`);
    return response.json();
  }

  globalThis.samoza = Object.freeze({ emit, onMessage, onStatus, placements });
  connect();
})();
