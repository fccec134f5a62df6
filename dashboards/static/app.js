// The entry: wires up whatever the page has.
import { bindActions, bindPosts } from "/static/actions.js";
import { FigureElement, redrawFigures } from "/static/figures.js";
import { bindPrinting } from "/static/printing.js";
import { watchPage } from "/static/watch.js";
import { awaitSummary } from "/static/summary.js";
import { bindTicks } from "/static/ticks.js";
import { bindCopying, keepAges } from "/static/small.js";

customElements.define("hf-figure", FigureElement);
bindActions();
bindPosts();
bindCopying();
keepAges();
bindTicks();
bindPrinting();
watchPage();
awaitSummary();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawFigures);

for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
// Empty fields would only make the address longer.
for (const form of document.querySelectorAll("form.filters")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
}
if (document.body.dataset.retry) setTimeout(() => location.reload(), 5000);
