// The tab's title while nobody looks at the page: state and progress come first in it, and it goes on
// telling them. A page that is shown has the title of the server, with everything else.
import { throttled } from "/static/timing.js";

const LOOK_EVERY_MS = 10_000;
const BETWEEN = " · ";

export class PageTitle {
  constructor() {
    const { study, trial } = document.body.dataset;
    this.study = study;
    this.ofTrial = trial !== undefined;
    this.address = this.ofTrial ? `/v1/studies/${study}/trials/${trial}` : `/v1/studies/${study}`;
    this.look = throttled(() => this.ask(), LOOK_EVERY_MS);
  }

  // At once what the news say; how far it is, as soon as may be asked.
  hear(news) {
    const state = news.end ?? news.state;
    if (this.study && state) {
      const counts = document.title.match(/^\S+ (\d+\/\d+) /)?.[1];
      if (news.end === "DELETED") say("Deleted");
      else if (!this.ofTrial) say(`${capital(state)}${counts ? ` ${counts}` : ""}`);
      else if (news.end) say(`Study ${news.end.toLowerCase()}`);
    }
    if (news.end) this.ask().catch(() => this.look());
    else this.look();
  }

  async ask() {
    if (!document.hidden) return;
    if (!this.study) return this.askPage();
    const answer = await fetch(this.address, { cache: "no-store" });
    if (answer.status === 404) say("Deleted");
    if (!answer.ok || !document.hidden) return;
    const { state, progress } = await answer.json();
    say(this.ofTrial ? capital(state) : `${capital(state)} ${doneOf(progress)}/${progress.trials}`);
  }

  // Of several studies: the server counts.
  async askPage() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (document.hidden && fresh.body.dataset.page === document.body.dataset.page) document.title = fresh.title;
  }
}

function say(words) {
  const rest = document.title.slice(document.title.indexOf(BETWEEN) + BETWEEN.length);
  document.title = `${words}${BETWEEN}${rest}`;
}

function capital(state) {
  return state.charAt(0) + state.slice(1).toLowerCase();
}

function doneOf({ complete, pruned, diverged, stopped, failed }) {
  return complete + pruned + diverged + stopped + failed;
}
