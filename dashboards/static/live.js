// The live stream of a study: server-sent events, resumed by id; polling every 5 s when they fail.
// The badge says which of it holds: live, stale, offline, or final.
import { refreshFigures } from "/static/figures.js";
import { refreshRegions } from "/static/regions.js";

const KINDS = ["study", "trials", "epochs", "analysis"];
const POLL_MS = 5000;
const PAGE_EVERY_MS = 1000;
const FIGURES_EVERY_MS = 2500;

export function watchPage() {
  const page = document.body.dataset.page;
  if (page === "study" || page === "trial") new StudyWatch().start();
  if (page === "studies") new ListWatch("The list is renewed every 5 seconds.").start();
  if (page === "compare") new ListWatch("The comparison is renewed every 5 seconds.", refreshFigures).start();
}

function setBadge(state, word, title) {
  const badge = document.getElementById("live");
  if (!badge) return;
  badge.className = `live ${state}`;
  badge.querySelector(".word").textContent = word;
  badge.title = title;
}

// Calls `work` soon, at most once in `every` ms, and never twice at a time.
function throttled(work, every) {
  let last = 0, timer = 0, running = false, again = false;
  const run = async () => {
    timer = 0;
    running = true;
    try { await work(); } catch (error) { console.debug("refresh failed:", error.message); }
    running = false;
    last = Date.now();
    if (again) { again = false; call(); }
  };
  const call = () => {
    if (running) { again = true; return; }
    if (!timer) timer = setTimeout(run, Math.max(0, last + every - Date.now()));
  };
  return call;
}

class StudyWatch {
  constructor() {
    const data = document.body.dataset;
    this.url = `/v1/studies/${data.study}`;
    this.seen = Number(data.event);
    this.over = data.over === "yes";
    this.source = null;
    this.poll = 0;
    this.refreshPage = throttled(() => this.loadPage(), PAGE_EVERY_MS);
    this.refreshFigures = throttled(refreshFigures, FIGURES_EVERY_MS);
  }

  start() {
    document.addEventListener("hf-changed", () => this.changed());
    // A hidden page needs no connection: browsers allow few of them per server.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.close();
      else this.open();
    });
    addEventListener("pagehide", () => this.close());
    this.open();
  }

  open() {
    if (this.over) {
      setBadge("final", "final", "The study is over: nothing changes any more.");
      return;
    }
    if (this.source || document.hidden) return;
    this.source = new EventSource(`${this.url}/events?after=${this.seen}`);
    this.source.addEventListener("open", () => {
      this.stopPolling();
      setBadge("live-now", "live", "Changes appear by themselves.");
      if (this.missed) { this.missed = false; this.changed(); }
    });
    for (const kind of KINDS) {
      this.source.addEventListener(kind, (event) => {
        this.seen = Number(event.lastEventId) || this.seen;
        this.changed();
      });
    }
    this.source.addEventListener("end", () => {
      this.close();
      this.over = true;
      this.changed();
      setBadge("final", "final", "The study is over: nothing changes any more.");
    });
    this.source.addEventListener("error", () => {
      this.missed = true;
      if (this.source?.readyState === EventSource.CLOSED) {
        this.source = null; // the browser gave up: poll, and try the stream again with each answer
      }
      this.startPolling();
    });
  }

  close() {
    this.source?.close();
    this.source = null;
    this.missed = true;
    this.stopPolling();
  }

  changed() {
    this.refreshPage();
    this.refreshFigures();
  }

  async loadPage() {
    const data = await refreshRegions();
    if (data?.over === "yes" && !this.over) {
      this.over = true;
      this.close();
      this.open();
    }
  }

  startPolling() {
    if (this.poll) return;
    setBadge("stale", "stale", "The live stream is interrupted; asking every 5 seconds.");
    const ask = async () => {
      this.poll = setTimeout(ask, POLL_MS);
      try {
        const response = await fetch(this.url, { cache: "no-store" });
        if (response.status === 404) { location.reload(); return; }
        if (!response.ok) throw new Error(`status ${response.status}`);
        const study = await response.json();
        setBadge("stale", "stale", "The live stream is interrupted; asking every 5 seconds.");
        if (study.event !== this.seen) { this.seen = study.event; this.changed(); }
        if (!this.source) this.open();
      } catch {
        setBadge("offline", "offline", "The server does not answer; what you see may be old.");
      }
    };
    ask();
  }

  stopPolling() {
    clearTimeout(this.poll);
    this.poll = 0;
  }
}

class ListWatch {
  constructor(title, more = async () => {}) {
    this.title = title;
    this.more = more;
  }

  start() {
    if (document.body.dataset.over === "yes") {
      setBadge("final", "final", "All of them are over: nothing changes any more.");
      return;
    }
    setBadge("live-now", "live", this.title);
    setInterval(() => { if (!document.hidden) this.ask(); }, POLL_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.ask(); });
  }

  async ask() {
    try {
      await refreshRegions();
      await this.more();
      // From the empty page to the first study (or back) the layout is another one.
      setBadge("live-now", "live", this.title);
    } catch {
      setBadge("offline", "offline", "The server does not answer; what you see may be old.");
    }
  }
}
