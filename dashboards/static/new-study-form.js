// The whole form from the state: four questions first, then what has sensible defaults.
import { h } from "/static/new-study-dom.js";
import { field, textInput } from "/static/new-study-fields.js";
import { aimsSection } from "/static/new-study-aims.js";
import { dataSection, modelSection, withDescriptions } from "/static/new-study-model.js";
import { objectFields, deref, labelOf, schemaField, variants } from "/static/new-study-schema.js";
import { saySpace, spaceSection } from "/static/new-study-space.js";
import { tidy, valueAt } from "/static/new-study-values.js";

const QUESTIONS = ["name", "dataset", "task", "family", "objective", "budget", "space"];
const TOGETHER = { training: ["training"], search: ["sampler", "pruner"], parts: ["split", "scaling"], selection: ["selection"] };

export function drawForm(form) {
  return h("div", { id: "form" },
    h("section", { class: "card question", "aria-label": "Name" },
      field(form, "/name", { label: "Name of the study" }, (ties) =>
        textInput(ties, form.document.name, (next) => form.edit("/name", next ?? ""), { size: 40 }))),
    question("data", "1", "Data: what is reconstructed?", dataSection(form)),
    question("model", "2", "Model: what learns it?", modelSection(form)),
    question("aims", "3", "Objective: what is good?", aimsSection(form)),
    question("budget", "4", "Budget: when is it enough?", budgetSection(form)),
    h("h2", { class: "section-title" }, "What has sensible defaults"),
    folded(form, "space", "Search space", saySpace(form), ["/space"], () => spaceSection(form)),
    folded(form, "training", "Training of a trial", sayTraining(form), ["/training"], () => generic(form, TOGETHER.training)),
    folded(form, "search", "Sampler and pruner", saySearch(form), ["/sampler", "/pruner"], () => [
      withDescriptions(form, "sampler", form.catalog.samplers), withDescriptions(form, "pruner", form.catalog.pruners)]),
    folded(form, "parts", "Split and scaling", saySplit(form), ["/split", "/scaling"], () => generic(form, TOGETHER.parts)),
    folded(form, "selection", "Selection after the search", saySelection(form), ["/selection"], () => generic(form, TOGETHER.selection)),
    folded(form, "rest", "Everything else", sayRest(form), others(form).map((name) => `/${name}`), () => generic(form, others(form))));
}

function question(id, number, title, content) {
  return h("section", { class: "card question", id: `question-${id}`, "aria-labelledby": `title-${id}` },
    h("h2", { id: `title-${id}` }, h("span", { class: "step", "aria-hidden": "true" }, number), title), content);
}

// Its summary says what applies, so that nobody has to open it to know.
function folded(form, id, title, words, places, draw) {
  const wrong = form.errors.filter((error) => places.some((place) => error.pointer === place || error.pointer.startsWith(`${place}/`))).length;
  return h("details", { class: "card folded", id: `part-${id}` },
    h("summary", {}, h("span", { class: "folded-title" }, title), h("span", { class: "muted" }, words),
      wrong ? h("span", { class: "state failed" }, `${wrong} to mend`) : null),
    h("div", { class: "folded-content" }, draw()));
}

function budgetSection(form) {
  const schema = deref(form, form.schema.properties.budget);
  return h("div", { class: "fields" }, objectFields(form, "/budget", schema));
}

function generic(form, names) {
  return names.map((name) => {
    const schema = deref(form, form.schema.properties[name]);
    const pointer = `/${name}`;
    const single = variants(form, schema).length === 1 && schema.properties;
    const fields = single ? h("div", { class: "fields" }, objectFields(form, pointer, schema)) : schemaField(form, pointer, form.schema.properties[name]);
    return names.length > 1 && single ? h("fieldset", { class: "group" }, h("legend", {}, labelOf(form, pointer)), fields) : fields;
  });
}

// A field of the spec that this page has no place for comes here by itself.
function others(form) {
  const placed = [...QUESTIONS, ...Object.values(TOGETHER).flat()];
  return Object.keys(form.schema.properties).filter((name) => !placed.includes(name));
}

function now(form, pointer) {
  const resolved = form.preview && valueAt(form.preview.resolved, pointer);
  const value = valueAt(form.document, pointer) ?? resolved ?? valueAt(form.schema.properties, pointer.replace(/^\/([a-z_]+)/, "/$1/default"));
  return value === undefined || value === null ? "none" : tidy(value);
}

function sayTraining(form) {
  const early = valueAt(form.document, "/training/early_stopping");
  return `${now(form, "/training/epochs")} epochs, ${early === null ? "no early stopping" : `early stopping after ${now(form, "/training/early_stopping/patience")} epochs without improvement`}`;
}

function saySearch(form) {
  return `${now(form, "/sampler/type")}, pruner: ${now(form, "/pruner/type")}`;
}

function saySplit(form) {
  return `${["train", "validation", "test"].map((part) => now(form, `/split/${part}`)).join(" / ")}, scaling ${now(form, "/scaling")}`;
}

function saySelection(form) {
  const top = now(form, "/selection/top_k");
  return top === "0" ? "none: the best search value wins" : `the best ${top} again with ${now(form, "/selection/seeds")} seeds each`;
}

function sayRest(form) {
  const set = others(form).filter((name) => form.document[name] !== undefined);
  return set.length ? `set: ${set.join(", ")}` : "seeds, warm start, first trials, parallel";
}

// Whether an object is kept when its last key goes: else its fields would go from under the cursor.
export function staysEmpty(pointer) {
  return [...document.querySelectorAll("#form [data-pointer]")].some((element) =>
    element.dataset.pointer === pointer && (element.classList.contains("optional") || element.contains(document.activeElement)));
}

// Fields that the person sees, for errors to lead to.
export function placeOf(pointer) {
  let best = null;
  for (const element of document.querySelectorAll("#form [data-pointer]")) {
    const own = element.dataset.pointer;
    if ((pointer === own || pointer.startsWith(`${own}/`)) && own.length > (best?.dataset.pointer.length ?? 0)) best = element;
  }
  return best;
}
