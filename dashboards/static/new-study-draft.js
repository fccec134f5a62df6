// What was written stays: in this tab until it is submitted, whatever happens to the page.

const KEY = `hifitune:new-study:${location.search}`;

export class Draft {
  // Of the text that the page came with; `now` is what stands there by now.
  constructor(initial, now) {
    this.initial = initial;
    this.leaving = false;
    const kept = read();
    const typed = now !== initial;
    this.restored = !typed && Boolean(kept) && kept.text !== initial;
    this.text = this.restored ? kept.text : now;
    this.read = kept?.read ?? ""; // the last text that could be read: what the form showed
    this.key = kept?.key ?? freshKey();
    addEventListener("beforeunload", (event) => {
      if (!this.leaving && this.text !== this.initial) event.preventDefault();
    });
  }

  keep(text) {
    this.text = text;
    this.write();
  }

  // The server could read it.
  wasRead(text) {
    this.read = text;
    if (text !== this.initial) this.write();
  }

  // The same draft twice is one study: the key lives as long as the draft.
  write() {
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ text: this.text, key: this.key, read: this.read }));
    } catch {
      // No storage, or it is full: the page itself still holds the text, and leaving it asks.
    }
  }

  renewKey() {
    this.key = freshKey();
    this.write();
  }

  forget() {
    this.leaving = true;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // as above
    }
  }
}

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept && typeof kept.text === "string" && typeof kept.key === "string" ? kept : null;
  } catch {
    return null;
  }
}

function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
