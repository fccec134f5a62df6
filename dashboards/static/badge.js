// The badge beside the crumbs: how far what is on the page can be trusted to be what is.
// Its word is a status that screen readers say, so it changes with the kind only; the age beside it is silent.

const WORDS = {
  connecting: ["connecting", "The live stream is being opened."],
  live: ["live-now", "Changes appear by themselves."],
  stale: ["stale", "The live stream is interrupted; asking every 5 seconds."],
  offline: ["offline", "The server does not answer; what you see may be old."],
  final: ["final", "It is over: nothing changes any more."],
};
const AGE_EVERY_MS = 5000;
const WORTH_SAYING_S = 10;

export class Badge {
  constructor() {
    this.place = document.getElementById("live");
    this.kind = "connecting";
    this.last = performance.timeOrigin; // the page itself was the first word
    setInterval(() => this.sayAge(), AGE_EVERY_MS);
  }

  set(kind, sentence = WORDS[kind][1]) {
    const changed = kind !== this.kind;
    Object.assign(this, { kind, sentence });
    if (!this.place) return;
    if (changed) {
      this.place.className = `live ${WORDS[kind][0]}`;
      this.place.querySelector(".word").textContent = kind;
    }
    this.sayAge();
  }

  get isBad() { return this.kind === "stale" || this.kind === "offline"; }

  // A word from the server, whichever.
  heard() {
    this.last = Date.now();
    this.sayAge();
  }

  sayAge() {
    if (!this.place) return;
    const seconds = Math.round((Date.now() - this.last) / 1000);
    const shown = this.isBad && seconds >= WORTH_SAYING_S;
    this.place.querySelector(".age").textContent = shown ? `${inWords(seconds)} ago` : "";
    this.place.title = `${this.sentence ?? WORDS[this.kind][1]} Last word from the server: ${new Date(this.last).toLocaleTimeString()}.`;
  }
}

function inWords(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}
