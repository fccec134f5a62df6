// A page that is kept up to date: what the stream says becomes fresh regions and figures, a badge, a
// title. While the stream or the server fails it asks every 5 seconds instead.
import { Badge } from "/static/badge.js";
import { refreshFigures } from "/static/figures.js";
import { refreshRegions } from "/static/regions.js";
import { StreamClient } from "/static/stream-client.js";
import { awaitSummary } from "/static/summary.js";
import { throttled } from "/static/timing.js";
import { PageTitle } from "/static/title.js";

const POLL_MS = 5000;
const HIDDEN_POLL_MS = 10_000;
const ANSWERS_WITHIN_MS = 8000;
const SAID_AFTER_MS = 1000;
const PAGE_EVERY_MS = { studies: 2000, compare: 2000 };
const FIGURES_EVERY_MS = 2500;
const OVER = ["COMPLETE", "STOPPED", "FAILED"];
const TOO_MANY = "More studies are watched than one stream carries; asking every 5 seconds.";

export function watchPage() {
  const { page, study } = document.body.dataset;
  if (study || page === "studies" || page === "compare") new PageWatch().start();
}

class PageWatch {
  constructor() {
    this.data = document.body.dataset;
    this.badge = new Badge();
    this.title = new PageTitle();
    this.stream = "connecting";
    this.behind = false; // something has happened that the page does not show
    this.ended = false;
    this.failed = null; // why it could not be renewed
    this.round = null; // of asking; null: nothing is asked
    this.refreshPage = throttled(() => this.loadPage(), PAGE_EVERY_MS[this.data.page] ?? 1000);
    this.refreshFigures = throttled(refreshFigures, FIGURES_EVERY_MS);
  }

  // A hidden page is not renewed: it may know that it is over before it shows it.
  get over() { return this.data.over === "yes" || (document.hidden && this.ended); }

  start() {
    this.client = new StreamClient((message) => this.hear(message));
    document.addEventListener("hf-changed", () => this.changed());
    document.addEventListener("visibilitychange", () => this.turned());
    for (const name of ["online", "offline"]) addEventListener(name, () => this.check());
    this.declare();
    if (document.hidden) this.turned();
    this.settle();
  }

  // [id, newest event, over] of every study on the page.
  watched() {
    const { study, event, over, watched = "" } = this.data;
    if (study) return [[study, Number(event), over === "yes"]];
    return watched.split(" ").filter(Boolean).map((one) => {
      const [id, newest, end] = one.split("@");
      return [id, Number(newest), end === "over"];
    });
  }

  declare() {
    const studies = this.watched();
    const key = studies.map(([id, , over]) => `${id} ${over}`).join();
    if (key === this.declared) return;
    this.declared = key;
    this.client.watch(studies, this.data.page === "studies");
  }

  hear(message) {
    if (message.stream) {
      // While it is opened anew for more studies, nothing is lost: that is no news.
      if (message.stream !== "connecting") this.stream = message.stream;
      this.settle();
      return;
    }
    this.badge.heard();
    if (!this.concerns(message)) return;
    if (message.end || message.again) this.ended = Boolean(message.end);
    this.changed();
    if (document.hidden) this.title.hear(message);
  }

  concerns({ again, end, kinds, sequence }) {
    if (!this.data.study || again) return true;
    if (this.over) return end === "DELETED";
    return Boolean(end) || (kinds.length > 0 && sequence > Number(this.data.event));
  }

  changed() {
    this.behind = true;
    if (document.hidden) return;
    this.refreshPage();
    if (this.data.page !== "studies") this.refreshFigures();
  }

  async loadPage() {
    if (document.hidden) return; // when it is shown
    this.behind = false;
    try {
      const data = await refreshRegions();
      if (!data) return; // it is loaded again as a whole
      this.failed = null;
      this.badge.heard();
      this.declare();
      awaitSummary();
    } catch (error) {
      this.behind = true;
      this.failed = error;
      throw error;
    } finally {
      this.settle();
    }
  }

  // Live, final, or something is wrong: then ask until it is right.
  settle() {
    const away = ["broken", "full", "resting"].includes(this.stream);
    if (this.failed || (away && !this.over)) {
      if (!this.round) this.poll();
      return;
    }
    clearTimeout(this.timer);
    this.round = null;
    this.badge.set(this.over ? "final" : this.stream === "open" ? "live" : "connecting");
  }

  async poll() {
    const round = this.round = {};
    const slow = setTimeout(() => {
      if (this.round === round && !this.badge.isBad) this.badge.set("stale");
    }, SAID_AFTER_MS);
    try {
      const failed = this.failed;
      await (failed && !document.hidden ? this.loadPage() : this.ask());
      if (failed) this.refreshFigures();
      this.badge.heard();
      if (this.round === round) this.badge.set("stale", this.stream === "full" ? TOO_MANY : undefined);
    } catch (error) {
      if (this.round === round) this.lament(error);
    }
    clearTimeout(slow);
    if (this.round === round) this.timer = setTimeout(() => this.poll(), document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }

  lament(error) {
    const silent = error instanceof TypeError || error.name === "TimeoutError";
    if (silent) this.badge.set("offline");
    else this.badge.set("stale", `The page cannot be renewed: ${error.message}. Asking every 5 seconds.`);
  }

  // The cheapest question that tells whether anything has happened.
  async ask() {
    if (!this.data.study) return document.hidden ? this.title.look() : this.loadPage();
    const options = { cache: "no-store", signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) };
    const response = await fetch(`/v1/studies/${this.data.study}`, options);
    if (response.status === 404 && !document.hidden) return location.reload();
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const study = await response.json();
    this.ended = OVER.includes(study.state);
    if (this.data.over === "yes" ? this.ended : study.event <= Number(this.data.event)) return;
    this.changed();
    if (document.hidden) this.title.hear({ state: study.state });
  }

  async check() {
    this.client.hurry();
    try { await this.ask(); } catch (error) { this.failed ??= error; this.settle(); }
  }

  turned() {
    if (this.client.rest(document.hidden)) this.stream = document.hidden ? "resting" : "connecting";
    if (document.hidden) return this.settle();
    if (this.behind) this.changed();
    else if (this.over) this.check(); // it may have been extended
    this.settle();
  }
}
