// <hf-figure>: loads its figure when scrolled near, draws it with Plotly.react under one fixed
// uirevision (zoom and selection survive updates), and keeps the sentence and the table beside it.
import { showFiles } from "/static/figure_files.js";
import { atItsPlace, bindPreview, legendOf } from "/static/gallery.js";
import { fitToPage } from "/static/paper.js";
import { tableOfTexts } from "/static/texts.js";
import { painted, within } from "/static/timing.js";

const PLOTLY = "/static/vendor/plotly/plotly-cartesian-4.1.1.min.js";
const NEAR_PX = 400;
const ROWS_SHOWN = 200;
const FIGURE_WITHIN_MS = 60_000; // of a large study on a busy server
const DRAWN_WITHIN_MS = 30_000;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 120_000;
const CONFIG = {
  displaylogo: false,
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};

let plotly = null;
const queue = []; // drawings that wait, and the one that is made
let hurried = false; // a browser that prints waits for no timer
const all = new Set();

// Its evaluation takes most of a second: the page is shown before.
function loadPlotly() {
  plotly ??= painted().then(() => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = PLOTLY;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { plotly = null; reject(new Error("plotly.js could not be loaded")); };
    document.head.append(script);
  }));
  return plotly;
}

// One figure after the other, from the top of the page, each shown before the next is drawn.
function inTurn(figure, work) {
  if (hurried) return work();
  return new Promise((resolve, reject) => {
    queue.push({ figure, work, resolve, reject });
    if (queue.length === 1) setTimeout(drawNext); // with those that come in the same moment
  });
}

async function drawNext() {
  const above = (one, other) => one.figure.compareDocumentPosition(other.figure) & Node.DOCUMENT_POSITION_FOLLOWING;
  const next = queue.reduce((first, other) => (above(first, other) ? first : other));
  try {
    // One that never ends must not keep those behind it waiting for ever.
    next.resolve(await within(next.work(), DRAWN_WITHIN_MS, "it is not drawn"));
  } catch (error) {
    next.reject(error);
  }
  await painted();
  queue.splice(queue.indexOf(next), 1);
  if (queue.length) drawNext();
}

// All figures that are near; the others notice when they come near.
export async function refreshFigures() {
  for (const figure of all) figure.stale = true;
  await Promise.all([...all].filter((figure) => figure.near).map((figure) => figure.load()));
}

export function redrawFigures() {
  for (const figure of all) figure.draw();
}

// Every figure, loaded or not, drawn as wide as it is now.
export async function drawForPaper() {
  hurried = true;
  try {
    // One that cannot be drawn keeps no other from the paper.
    await Promise.allSettled([...all].map((figure) => (figure.answer ? figure.draw() : figure.load())));
  } finally {
    hurried = false;
  }
}

export class FigureElement extends HTMLElement {
  connectedCallback() {
    this.near = false;
    this.stale = true;
    this.answer = null;
    this.etag = null;
    this.pause = FIRST_PAUSE_MS;
    this.plot = this.querySelector(".plot");
    this.summary = this.querySelector(".summary");
    this.details = this.querySelector(".data");
    this.details.addEventListener("toggle", () => this.fillTable());
    this.observer = new IntersectionObserver((entries) => {
      this.near = entries.some((entry) => entry.isIntersecting);
      if (this.near && this.stale) this.load();
    }, { rootMargin: `${NEAR_PX}px` });
    this.observer.observe(this);
    this.resizer = new ResizeObserver(() => {
      const width = Math.round(this.plot.clientWidth);
      // A hidden figure has no width; it keeps what it shows.
      if (width && this.drawnWidth && Math.abs(width - this.drawnWidth) > 8) this.draw();
    });
    this.resizer.observe(this.plot);
    all.add(this);
    if (this.getBoundingClientRect().top < innerHeight + NEAR_PX) this.load(); // the observer waits for a frame
  }

  disconnectedCallback() {
    all.delete(this);
    this.observer.disconnect();
    this.resizer.disconnect();
    if (window.Plotly) window.Plotly.purge(this.plot);
  }

  // One request at a time; whoever asks meanwhile gets the same.
  load() {
    this.loading ??= this.loadOnce().then(() => {
      this.loading = null;
      if (this.near && this.stale && this.dataset.state === "ready") this.load();
    });
    return this.loading;
  }

  async loadOnce() {
    loadPlotly().catch(() => {}); // while the figure is on its way; who draws tells of a failure
    this.stale = false;
    if (!this.answer) this.say("Loading…");
    try {
      const response = await fetch(this.dataset.src, { cache: "no-cache", signal: AbortSignal.timeout(FIGURE_WITHIN_MS) });
      if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? response.status);
      const etag = response.headers.get("etag");
      if (!this.answer || etag !== this.etag) {
        this.answer = await response.json();
        await this.draw();
        this.etag = etag; // of what is drawn
        this.fillTable();
      }
      if (this.summary.classList.contains("failed")) this.say(this.answer.summary);
      this.dataset.state = "ready";
      this.pause = FIRST_PAUSE_MS;
    } catch (error) {
      this.dataset.state = "error";
      this.fail(error);
      this.stale = true;
      this.tryLater();
    }
  }

  say(text) {
    this.summary.textContent = text;
    this.summary.classList.remove("failed");
  }

  // By itself, but ever less often; one that is far away is loaded when it comes near.
  tryLater() {
    clearTimeout(this.later);
    this.later = setTimeout(() => { if (this.isConnected && this.near && this.stale) this.load(); }, this.pause);
    this.pause = Math.min(3 * this.pause, LONGEST_PAUSE_MS);
  }

  // What is drawn from before stays, and says that it is.
  fail(error) {
    const shown = this.drawnWidth || this.answer?.waiting;
    this.summary.textContent = shown
      ? `${this.answer.summary} This is from before, it could not be renewed: ${error.message}. `
      : `This figure could not be loaded: ${error.message}. `;
    this.summary.classList.add("failed");
    const retry = document.createElement("button");
    Object.assign(retry, { type: "button", className: "quiet", textContent: "Try again" });
    retry.addEventListener("click", () => this.load());
    this.summary.append(retry);
  }

  // One drawing at a time: two at once on the same element would get in each other's way.
  async draw() {
    if (!this.answer) return;
    this.again = true;
    this.drawing ??= (async () => {
      try {
        while (this.again) {
          this.again = false;
          await this.drawOnce(this.answer);
        }
      } finally {
        this.drawing = null;
      }
    })();
    await this.drawing;
  }

  async drawOnce(answer) {
    this.say(answer.summary);
    this.classList.toggle("waiting", answer.waiting);
    showFiles(this, answer);
    this.plot.setAttribute("aria-label", `${answer.title} ${answer.summary}`);
    if (answer.waiting) return;
    const figure = atItsPlace(this, answer.figure);
    const texts = figure.data.find((trace) => trace.type === "table");
    this.plot.classList.toggle("written", Boolean(texts));
    this.plot.classList.toggle("wide", Boolean(figure.layout.meta?.wide));
    if (texts) {
      this.plot.tabIndex = 0;
      this.plot.setAttribute("role", "region"); // a picture would hide its texts
      this.plot.replaceChildren(tableOfTexts(texts), ...legendOf(figure.layout));
      this.drawnWidth = Math.round(this.plot.clientWidth);
      return;
    }
    const Plotly = await loadPlotly();
    this.classList.toggle("strips", Boolean(answer.figure.layout.meta?.strips));
    this.drawnWidth = Math.round(this.plot.clientWidth);
    const layout = fitToPage(figure.layout, this.drawnWidth);
    this.plot.style.minHeight = `${layout.height}px`;
    // Its label says what the drawing shows; the buttons beside the drawing are no part of a picture.
    this.plot.setAttribute("role", "figure");
    await inTurn(this, () => Plotly.react(this.plot, figure.data, layout, CONFIG));
    for (const drawing of this.plot.querySelectorAll(".svg-container > svg")) drawing.ariaHidden = "true";
    bindPreview(this);
    if (!this.bound) this.bindClicks();
  }

  // A click on a point opens its trial.
  bindClicks() {
    this.bound = true;
    const base = this.dataset.trials;
    if (!base) return;
    this.plot.on("plotly_click", (event) => {
      const point = event.points[0];
      if (point?.data.meta?.trials && Number.isInteger(point.customdata?.[0])) {
        location.href = base + point.customdata[0];
      }
    });
  }

  fillTable() {
    if (!this.details.open || !this.answer) return;
    const { columns, rows } = this.answer.table;
    const numeric = columns.map((_, at) => rows.some((values) => typeof values[at] === "number"));
    const table = document.createElement("table");
    table.append(part("thead", "th", [columns], numeric), part("tbody", "td", rows.slice(0, ROWS_SHOWN), numeric));
    const place = this.details.querySelector(".scroll");
    const chosen = getSelection();
    if (!chosen.isCollapsed && chosen.containsNode(place, true)) {
      document.addEventListener("selectionchange", () => this.fillTable(), { once: true }); // when it is let go
      return;
    }
    const top = place.scrollTop;
    place.replaceChildren(table);
    place.scrollTop = top;
    if (rows.length > ROWS_SHOWN) {
      const more = document.createElement("p");
      more.textContent = `${rows.length - ROWS_SHOWN} more rows: ${new URL(this.dataset.src, location.href)}`;
      place.append(more);
    }
  }
}

function part(section, cell, rows, numeric) {
  const made = document.createElement(section);
  for (const values of rows) {
    const line = document.createElement("tr");
    for (const [at, value] of values.entries()) {
      const item = document.createElement(cell);
      if (cell === "th") item.scope = "col";
      item.textContent = value ?? "–";
      item.classList.toggle("num", numeric[at]);
      line.append(item);
    }
    made.append(line);
  }
  return made;
}
