// The SharedWorker: one hub, and so one connection, for all tabs of a browser.
import { Hub } from "/static/stream-hub.js";

const GONE_MS = 180_000; // where there are no locks: a hidden tab's timers run once a minute
const SWEEP_MS = 60_000;
const hub = new Hub();
const own = `hf-worker-${Math.random().toString(36).slice(2)}`;

// Pages wait for this lock: it is free when the worker has died.
const held = new Promise((hold) => {
  if (!navigator.locks) hold();
  else navigator.locks.request(own, () => { hold(); return new Promise(() => {}); });
});

addEventListener("connect", ({ ports: [port] }) => {
  const page = hub.join((message) => port.postMessage(message));
  page.heard = Date.now();
  port.onmessage = ({ data }) => {
    page.heard = Date.now();
    if (data.bye) hub.leave(page);
    if (data.watch) hub.watch(page, data.watch, data.list);
    if (data.hurry) hub.source.hurry();
    if (data.lock && !page.locked) {
      page.locked = true;
      navigator.locks.request(data.lock, () => hub.leave(page)); // a tab that died lets it go
    }
  };
  held.then(() => port.postMessage({ worker: typeof EventSource === "function" ? own : null }));
});

setInterval(() => {
  for (const page of hub.pages) if (!page.locked && Date.now() - page.heard > GONE_MS) hub.leave(page);
}, SWEEP_MS);
