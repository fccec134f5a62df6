// Ticked rows of a table: kept while one pages, sorts and filters, and sent to the comparison.
// <form data-ticks="KEY OF THE STORE" data-name="OF THE BOXES" data-rows="THEIR REGION" data-most="6">;
// boxes belong to it by `form`, and have `data-words`.

export function bindTicks() {
  for (const form of document.querySelectorAll("form[data-ticks]")) new Ticks(form);
}

class Ticks {
  constructor(form) {
    this.form = form;
    this.boxes = `input[form="${form.id}"]`;
    this.most = Number(form.dataset.most);
    this.ticked = read(form.dataset.ticks); // value -> words
    this.said = form.querySelector(".ticked");
    this.hint = this.said.textContent;
    this.clear = form.querySelector(".clear");
    document.addEventListener("change", (event) => { if (event.target.matches(this.boxes)) this.tick(event.target); });
    this.clear.addEventListener("click", () => {
      this.ticked.clear();
      this.keep();
      document.querySelector(this.boxes)?.focus();
    });
    // Rows that arrive with an update show what was ticked before.
    const rows = document.querySelector(`[data-live="${form.dataset.rows}"]`);
    new MutationObserver(() => this.show()).observe(rows, { childList: true, subtree: true });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const query = [...this.ticked.keys()].map((value) => `${form.dataset.name}=${encodeURIComponent(value)}`).join("&");
      location.assign(`${form.action}?${query}`);
    });
    this.show();
  }

  tick(box) {
    if (box.checked) this.ticked.set(box.value, box.dataset.words);
    else this.ticked.delete(box.value);
    this.keep();
  }

  keep() {
    sessionStorage.setItem(this.form.dataset.ticks, JSON.stringify([...this.ticked]));
    this.show();
  }

  show() {
    const { ticked, most } = this;
    for (const box of document.querySelectorAll(this.boxes)) {
      box.checked = ticked.has(box.value);
      box.disabled = !box.checked && ticked.size >= most;
    }
    this.form.querySelector("button[type=submit]").disabled = ticked.size < 2;
    this.clear.hidden = !ticked.size;
    const names = [...ticked.values()].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).join(", ");
    const words = ticked.size ? `Ticked: ${names}${ticked.size < 2 ? "; tick one more" : ""}${ticked.size >= most ? ` (${most} at most)` : ""}.` : this.hint;
    // Said once: who listens hears every text that is written there.
    if (this.said.textContent !== words) this.said.textContent = words;
  }
}

function read(key) {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(key)));
  } catch {
    return new Map(); // an older version's
  }
}
