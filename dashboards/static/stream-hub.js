// What all pages of a browser watch, as one stream: merges their studies, keeps the position of each,
// and tells every page what concerns it. Runs in the SharedWorker, or in a page that has none.
import { StreamSource } from "/static/stream-source.js";

const KINDS = ["study", "trials", "epochs", "analysis"];
const OVER = ["COMPLETE", "STOPPED", "FAILED", "DELETED"];
const MOST_STUDIES = 64;
const TOLD_EVERY_MS = 100;
const SOON_MS = 60;
const LATER_MS = 5000;

export class Hub {
  constructor() {
    this.pages = new Set();
    this.studies = new Map(); // id -> {position, end}
    this.asked = ""; // what the stream was opened for; empty: it is closed
    this.ids = [];
    this.list = false;
    this.state = "connecting";
    this.source = new StreamSource({
      address: () => this.address(),
      take: (name, data) => this.take(name, data),
      turn: (state) => this.turn(state),
      refused: (address) => this.findDeleted(address),
    });
  }

  // `tell` gets {stream: state}, {study, kinds, sequence, state?, end?, again?} or {list: {...}}.
  join(tell) {
    const page = { tell, studies: new Map(), list: false, news: new Map(), timer: 0 };
    this.pages.add(page);
    return page;
  }

  leave(page) {
    clearTimeout(page.timer);
    if (this.pages.delete(page)) this.settleIn(LATER_MS);
  }

  // All that a page watches, each time anew: [id, its newest event, whether the page takes it for over].
  watch(page, studies, list) {
    this.pages.add(page);
    page.list = list;
    page.studies = new Map(studies.map(([id, after, over]) => [id, { after, over }]));
    for (const [id, own] of page.studies) this.meet(page, id, own);
    const covered = this.asked && (this.list || !list)
      && [...page.studies].every(([id, own]) => own.over || this.ids.includes(id));
    this.say(page, covered || this.state === "broken" ? this.state : "connecting");
    this.settleIn(covered ? LATER_MS : SOON_MS);
  }

  meet(page, id, { after, over }) {
    const study = this.studies.get(id);
    if (!study) this.studies.set(id, { position: after, end: null });
    else if (study.end && !over && after > study.position) {
      Object.assign(study, { position: after, end: null }); // extended since
      this.asked = "";
    } else if (study.end && !over) this.tell(page, id, { kinds: ["study"], sequence: study.position, end: study.end });
    else if (study.position > after) this.tell(page, id, { kinds: KINDS, sequence: study.position });
    if (over || study?.end) return;
    for (const other of this.pages) {
      const own = other.studies.get(id); // whoever takes it for over looks again
      if (own?.over && after > own.after) this.tell(other, id, { kinds: ["study"], sequence: after, again: true, end: null });
    }
  }

  settleIn(ms) {
    const due = Date.now() + ms;
    if (this.timer && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => { this.timer = 0; this.settle(); }, ms);
  }

  // Opens, reopens or closes, so that the stream fits what is watched.
  settle() {
    // Pages of single studies come first: a list can do without some of its studies.
    const pages = [...this.pages].sort((one, other) => one.list - other.list);
    const all = pages.flatMap((page) => [...page.studies]);
    const going = all.filter(([, own]) => !own.over).map(([id]) => id);
    const known = new Set(all.map(([id]) => id));
    for (const [id, { end }] of this.studies) {
      if (!known.has(id)) this.studies.delete(id);
      else if (end === "DELETED") known.delete(id);
    }
    this.list = pages.some((page) => page.list);
    this.ids = [...new Set([...going, ...known])].slice(0, MOST_STUDIES);
    if (!going.length && !this.list) {
      this.source.close();
      this.asked = "";
      this.state = "connecting";
      return;
    }
    const wanted = `${[...this.ids].sort().join()} ${this.list}`;
    if (wanted === this.asked) return;
    this.asked = wanted;
    this.source.open();
  }

  address() {
    const query = new URLSearchParams(this.ids.map((id) => ["study", `${id}@${this.studies.get(id)?.position ?? 0}`]));
    if (this.list) query.append("list", "yes");
    return `/v1/events?${query}`;
  }

  // One study that is no more must not cost the others their stream.
  async findDeleted(address) {
    const answer = await fetch(address, { signal: AbortSignal.timeout(5000) });
    if (answer.status !== 404) return answer.body?.cancel();
    const [, index] = (await answer.json()).detail.match(/^\/query\/study\/(\d+):/);
    const [id] = new URLSearchParams(address.split("?")[1]).getAll("study")[index].split("@");
    if (this.studies.has(id)) this.end(id, this.studies.get(id), "DELETED");
    this.asked = "";
  }

  turn(state) {
    this.state = state;
    for (const page of this.pages) this.say(page, state);
  }

  say(page, state) {
    const full = state === "open" && !page.list && [...page.studies.keys()].some((id) => !this.ids.includes(id));
    page.tell({ stream: full && this.ids.length >= MOST_STUDIES ? "full" : state });
  }

  take(name, data) {
    if (name === "studies") {
      for (const page of this.pages) if (page.list) page.tell({ list: data });
      return;
    }
    const study = this.studies.get(data.study);
    if (!study) return;
    if (name === "end") this.end(data.study, study, data.state);
    else if (data.sequence > study.position) {
      study.position = data.sequence;
      const news = { kinds: [name], sequence: data.sequence };
      if (name === "study") news.state = data.data?.state;
      if (study.end && news.state && !OVER.includes(news.state)) {
        study.end = null;
        Object.assign(news, { again: true, end: null });
      }
      this.tellAll(data.study, news);
    }
  }

  end(id, study, state) {
    const told = study.end === state;
    study.end = state;
    for (const page of this.pages) {
      const own = page.studies.get(id);
      if (!own || (told && own.over)) continue;
      own.over = true;
      this.tell(page, id, { kinds: ["study"], sequence: study.position, end: state, again: false });
    }
    this.settleIn(SOON_MS); // before it is taken for lost, if that was the last
  }

  tellAll(id, news, but = null) {
    for (const page of this.pages) if (page !== but && page.studies.has(id)) this.tell(page, id, news);
  }

  // However much happens, a page hears a few times a second: what kinds, not the contents.
  tell(page, id, news) {
    const before = page.news.get(id) ?? { study: id, kinds: [] };
    page.news.set(id, { ...before, ...news, kinds: [...new Set([...before.kinds, ...news.kinds])] });
    page.timer ||= setTimeout(() => {
      page.timer = 0;
      const all = [...page.news.values()];
      page.news.clear();
      for (const one of all) page.tell(one);
    }, TOLD_EVERY_MS);
  }
}
