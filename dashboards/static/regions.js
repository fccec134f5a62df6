// Parts of the page that the server renders again: patched where they differ, and without moving or
// taking away what someone is looking at. A region that is in someone's hands (their text selection
// reaches into it, the pointer is pressed in it, a dialog is open) waits until it is let go.
import { morph, remember } from "/static/morph.js";
import { ANSWERS_WITHIN_MS } from "/static/timing.js";

const waiting = new Map(); // region -> what it becomes when it is let go
let pressed = null;

// Before any other module changes them.
for (const region of document.querySelectorAll("[data-live]")) remember(region);

export async function refreshRegions() {
  const response = await fetch(location.href, {
    headers: { Accept: "text/html" },
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
  });
  if (response.status === 404) {
    location.reload(); // it was deleted: the page that says so is the server's
    return null;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (["page", "shape"].some((name) => fresh.body.dataset[name] !== document.body.dataset[name])) {
    location.reload(); // deleted, or from empty to the first study and back: it has other parts
    return null;
  }
  document.title = fresh.title;
  Object.assign(document.body.dataset, fresh.body.dataset);
  for (const region of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${CSS.escape(region.dataset.live)}"]`);
    if (other) waiting.set(region, document.importNode(other, true)); // it would keep its whole page in memory
  }
  patchFree();
  return fresh.body.dataset;
}

function patchFree() {
  const free = [...waiting.keys()].filter((region) => !isHeld(region));
  const row = rowLookedAt(free);
  const top = row?.getBoundingClientRect().top;
  for (const region of free) {
    morph(region, waiting.get(region));
    waiting.delete(region);
  }
  if (!row?.isConnected) return;
  const moved = row.getBoundingClientRect().top - top;
  if (moved) scrollBy({ top: moved, behavior: "instant" });
}

// The row under the pointer, else the first one of a table that begins above the window. Browsers
// keep in place what stands directly on the page, but not what is inside of something that scrolls
// by itself, as wide tables do.
function rowLookedAt(regions) {
  if (!scrollY) return null;
  const rows = regions.flatMap((region) => [...region.querySelectorAll("tbody > tr")]);
  const pointed = rows.find((row) => row.matches(":hover"));
  if (pointed) return pointed;
  const first = rows.find((row) => row.getBoundingClientRect().bottom > 0);
  return first && first.closest("table").getBoundingClientRect().top < 0 ? first : null;
}

function isHeld(region) {
  if (document.querySelector("dialog[open]") || region.querySelector(":popover-open")) return true;
  if (pressed && region.contains(pressed)) return true;
  const selection = getSelection();
  return !selection.isCollapsed && [selection.anchorNode, selection.focusNode].some((node) => region.contains(node));
}

function letGo() {
  pressed = null;
  setTimeout(patchFree); // after the click that a release makes
}

document.addEventListener("selectionchange", patchFree);
document.addEventListener("pointerdown", (event) => { pressed = event.target; }, true);
for (const name of ["pointerup", "pointercancel", "dragend"]) document.addEventListener(name, letGo, true);
addEventListener("blur", letGo); // released outside the window
for (const name of ["close", "toggle"]) document.addEventListener(name, () => setTimeout(patchFree), true);
