// One EventSource that is kept alive: opened again after every loss, and after a suspicious silence.
// It never reconnects by itself: where to go on from is asked anew each time.

const NAMES = ["study", "trials", "epochs", "analysis", "end", "studies"];
const OPENS_WITHIN_MS = 10_000;
const SILENT_MS = 60_000;
const LOOK_MS = 15_000;
const RETRY_MS = [200, 1000, 2000, 5000];

export class StreamSource {
  // `address()` says what to open; `take(name, data)` gets events; `turn("open" | "broken")` how it goes;
  // `refused(address)` is asked when the server would not open it.
  constructor({ address, take, turn, refused }) {
    Object.assign(this, { address, take, turn, refused });
    this.source = null;
    this.failures = 0;
    // A connection that died without a word (a laptop slept) looks open for ever.
    setInterval(() => {
      if (this.source && !this.failures && Date.now() - this.heard > SILENT_MS) this.open();
    }, LOOK_MS);
  }

  open() {
    this.close();
    const address = this.address();
    const source = this.source = new EventSource(address);
    const current = (work) => (event) => { if (source === this.source) work(event); };
    this.heard = Date.now();
    this.late = setTimeout(current(() => this.lost(true)), OPENS_WITHIN_MS);
    source.addEventListener("open", current(() => {
      clearTimeout(this.late);
      this.heard = Date.now();
      this.failures = 0;
      this.turn("open");
    }));
    source.addEventListener("error", current(() => {
      const refused = source.readyState === EventSource.CLOSED;
      this.lost();
      if (refused) this.refused(address).catch(() => {}); // nobody answers: it is tried again anyway
    }));
    for (const name of NAMES) {
      source.addEventListener(name, current((event) => {
        this.heard = Date.now();
        this.take(name, JSON.parse(event.data));
      }));
    }
  }

  // What was closed in good order comes back at once; it is called broken when that fails.
  lost(late = false) {
    this.close();
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    this.retry = setTimeout(() => this.open(), wait);
    if (late || this.failures > 1) this.turn("broken");
  }

  // Somebody has reason to think that the server is there again.
  hurry() {
    if (this.failures) this.open();
  }

  close() {
    clearTimeout(this.late);
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }
}
