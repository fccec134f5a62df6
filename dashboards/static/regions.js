// Parts of the page that the server renders again: swapped in place, only where they differ, and
// without taking focus, open details or selection from whoever is looking at them.

export async function refreshRegions() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (response.status === 404) {
    location.reload(); // it was deleted: the page that says so is the server's
    return null;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (fresh.body.dataset.page !== document.body.dataset.page) {
    location.reload(); // deleted, or from empty to the first study
    return null;
  }
  document.title = fresh.title;
  Object.assign(document.body.dataset, fresh.body.dataset);
  for (const region of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${CSS.escape(region.dataset.live)}"]`);
    if (other) swap(region, other);
  }
  return fresh.body.dataset;
}

function swap(region, other) {
  const next = other.innerHTML;
  if (next === (region.lastMarkup ?? region.innerHTML)) return;
  if (holdsSelection(region)) return; // comes with the next change
  const focus = focusIn(region);
  const open = new Map([...region.querySelectorAll("details[id]")].map((item) => [item.id, item.open]));
  const ticked = [...region.querySelectorAll("input[type=checkbox][id]:checked")].map((box) => box.id);
  region.replaceChildren(...document.importNode(other, true).childNodes);
  region.lastMarkup = next;
  for (const [id, isOpen] of open) {
    const details = document.getElementById(id);
    if (details) details.open = isOpen;
  }
  for (const id of ticked) {
    const box = document.getElementById(id);
    if (box) box.checked = true;
  }
  if (focus) region.querySelector(focus)?.focus({ preventScroll: true });
}

function holdsSelection(region) {
  const selection = getSelection();
  return !selection.isCollapsed && region.contains(selection.anchorNode);
}

function focusIn(region) {
  const active = document.activeElement;
  if (!active || !region.contains(active)) return null;
  if (active.id) return `#${CSS.escape(active.id)}`;
  const href = active.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : null;
}
