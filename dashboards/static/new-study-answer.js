// What the linter says, beside the form: state, errors with links, warnings, cost, what it becomes.
import { becomeChildren, h, prose } from "/static/new-study-dom.js";
import { sentence } from "/static/new-study-fields.js";
import { placeOf } from "/static/new-study-form.js";
import { writeYaml } from "/static/new-study-values.js";

export function showAnswer(state) {
  fill("check-status", statusOf(state));
  fill("check-errors", state.errors.length ? errorSummary(state.errors) : []);
  fill("check-answer", state.preview && !state.errors.length ? [costs(state), warnings(state), becomes(state)] : []);
  const old = (state.trouble || state.waiting) && (state.errors.length || state.preview);
  document.getElementById("of-before").hidden = !old;
  document.getElementById("check-status").className = `status ${state.trouble ? "trouble" : state.waiting ? "busy" : state.errors.length ? "wrong" : "ready"}`;
}

function fill(id, content) {
  becomeChildren(document.getElementById(id), h("div", {}, content));
}

function statusOf({ errors, trouble, waiting, preview }) {
  if (trouble) return trouble;
  if (waiting || (!errors.length && !preview)) return "Checking";
  if (errors.length) return errors.length === 1 ? "One thing to mend" : `${errors.length} things to mend`;
  const count = preview.warnings.length;
  return `Ready to submit${count ? `, with ${count} ${count === 1 ? "warning" : "warnings"}` : ""}`;
}

function errorSummary(errors) {
  return h("ul", { class: "plain problems" }, errors.map((error, index) => {
    const place = placeOf(error.pointer);
    const target = place ? focusable(place) : document.getElementById("yaml");
    return h("li", {},
      h("a", { href: `#${target.id}`, "data-goto": target.id, id: `problem-${index}` }, error.pointer || "The whole"),
      " ", sentence(error.reason), error.remedy ? h("span", { class: "muted" }, ` ${sentence(error.remedy)}`) : "");
  }));
}

function focusable(place) {
  return place.id ? place : place.querySelector("input, select, textarea") ?? document.getElementById("yaml");
}

// A link to a field opens what it is folded in.
export function bindErrorLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-goto]");
    const target = link && document.getElementById(link.dataset.goto);
    if (!target) return;
    event.preventDefault();
    for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    target.focus();
    target.scrollIntoView({ block: "center" });
  });
}

function costs({ preview }) {
  const { estimate, resolved, data } = preview;
  const again = Math.min(Number(resolved.selection.top_k), estimate.trials) * Number(resolved.selection.seeds);
  const epochs = (estimate.trials + again) * Number(resolved.training.epochs);
  const rows = [
    ["trials", count(estimate.trials)],
    ["epochs at most", count(epochs)],
    ...(again ? [["of which in the selection", count(again * Number(resolved.training.epochs))]] : []),
    ["proposed together", count(resolved.parallel.cohort_size)],
    ["parameters of the largest model", count(estimate.parameters_max)],
    ["memory of an array at most", size(estimate.array_bytes_max)],
    ["memory of the data", size(estimate.data_bytes)],
    ["samples", count(data.samples)],
    ...(resolved.budget.seconds ? [["time at most", `${count(Math.round(Number(resolved.budget.seconds)))} s`]] : []),
  ];
  return h("dl", { class: "numbers", id: "costs" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function warnings({ preview }) {
  if (!preview.warnings.length) return null;
  return h("div", { class: "lint", id: "lint" }, h("h3", {}, preview.warnings.length === 1 ? "A warning" : `${preview.warnings.length} warnings`),
    h("ul", { class: "plain" }, preview.warnings.map((notice) => h("li", {},
      h("p", {}, h("code", {}, notice.pointer || "/"), " ", prose(sentence(notice.message))),
      h("p", { class: "muted" }, prose(sentence(notice.remedy)))))));
}

function becomes({ preview }) {
  return h("details", { id: "resolved" }, h("summary", {}, "What the defaults are resolved to"),
    h("pre", { id: "resolved-yaml", tabindex: "0", "aria-label": "The resolved spec" }, writeYaml(preview.resolved)));
}

function count(value) {
  return Number(value).toLocaleString("en");
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}
