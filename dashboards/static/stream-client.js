// A page's side of the stream: the SharedWorker where there is one, else a hub of its own.
import { Hub } from "/static/stream-hub.js";

const NAME = "hifitune-1"; // another number for other messages: tabs of two versions must not meet
const ANSWERS_WITHIN_MS = 5000;
const PING_MS = 30_000;

export class StreamClient {
  // `hear` gets what the hub tells.
  constructor(hear) {
    this.hear = hear;
    this.watched = null;
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", (event) => { if (event.persisted) this.connect(); });
    addEventListener("online", () => this.hurry());
    this.connect();
  }

  connect() {
    if (this.alone || typeof SharedWorker !== "function") return this.goAlone();
    let worker;
    try {
      worker = new SharedWorker("/static/stream-worker.js", { type: "module", name: NAME });
    } catch {
      return this.goAlone();
    }
    const port = this.port = worker.port;
    const current = (work) => (event) => { if (port === this.port) work(event); };
    const fail = current(() => this.goAlone());
    const late = setTimeout(fail, ANSWERS_WITHIN_MS);
    worker.addEventListener("error", fail);
    port.onmessage = current(({ data }) => {
      this.silent = false;
      if (!("worker" in data)) return this.hear(data);
      clearTimeout(late);
      if (data.worker) this.keepInTouch(port, data.worker);
      else this.goAlone();
    });
    this.declare();
  }

  // Each side learns when the other dies: by locks, or by words where the page is not trusted with locks.
  keepInTouch(port, worker) {
    const again = () => { if (port === this.port) this.connect(); };
    if (navigator.locks) {
      const lock = `hf-page-${Math.random().toString(36).slice(2)}`;
      navigator.locks.request(lock, () => {
        port.postMessage({ lock });
        return new Promise((release) => { this.release = release; });
      });
      navigator.locks.request(worker, again);
      return;
    }
    const pinging = setInterval(() => {
      if (port !== this.port) return clearInterval(pinging);
      if (this.silent) return again();
      this.silent = true;
      this.declare();
    }, PING_MS);
  }

  goAlone() {
    this.port = null;
    this.alone ??= new Hub();
    this.page ??= this.alone.join((message) => this.hear(message));
    this.declare();
  }

  // [id, newest event, over] of each study, and whether the list itself is watched.
  watch(studies, list) {
    this.watched = { watch: studies, list };
    this.declare();
  }

  declare() {
    if (!this.watched) return;
    if (this.port) this.port.postMessage(this.watched);
    else if (this.page) this.alone.watch(this.page, this.watched.watch, this.watched.list);
  }

  hurry() {
    this.port?.postMessage({ hurry: true });
    this.alone?.source.hurry();
  }

  leave() {
    this.port?.postMessage({ bye: true });
    this.port = null;
    this.release?.();
    if (this.page) this.alone.leave(this.page);
    if (this.page) this.alone.settle(); // a page of its own has nobody else to wait for
    this.page = null;
  }

  // A hidden page with a connection of its own gives it back: browsers allow few of them per server.
  // Says whether it was one.
  rest(hidden) {
    if (!this.alone) return false;
    if (hidden) this.leave();
    else if (!this.page) this.connect();
    return true;
  }
}
