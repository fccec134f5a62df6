// The search space: each parameter left out, fixed, searched in a range, or among choices.
import { h, prose } from "/static/new-study-dom.js";
import { button, choice, errorList, errorsAt, field, idOf, numberInput, textInput, tick } from "/static/new-study-fields.js";
import { familiesOf, parametersOf } from "/static/new-study-model.js";
import { isNumber, isObject, pointerOf, readScalar, sameValue, showScalar, tidy, writeFlow } from "/static/new-study-values.js";

export function spaceOf(document) {
  return isObject(document.space) ? document.space : {};
}

// The default search of a draft, where the server has told it: whatever else is wrong by now.
function defaultsOf(form, document) {
  return form.defaults.get(searchKey(document)) ?? null;
}

export function noteDefaults(defaults, { document, search }) {
  if (search) defaults.set(searchKey(document), search);
}

function searchKey({ family, dataset, task }) {
  return writeFlow([family, dataset, task]);
}

export function saySpace(form) {
  const own = spaceOf(form.document);
  const known = Object.keys(own).length ? own : defaultsOf(form, form.document);
  if (!known) return "the default search";
  const space = Object.entries(known);
  const searched = space.filter(([, entry]) => isObject(entry)).map(([name]) => name);
  const words = searched.length ? `${searched.length} searched: ${searched.join(", ")}` : "nothing is searched";
  return Object.keys(own).length ? words : `the default search; ${words}`;
}

export function spaceSection(form) {
  const known = parametersOf(form);
  const space = spaceOf(form.document);
  const names = Object.keys(space);
  const idle = [...known].filter(([name, { entry }]) => !(name in space) && needed(form, known, entry));
  const idleNames = idle.map(([name]) => name);
  const shown = [...known].filter(([name]) => !idleNames.includes(name));
  return [
    h("p", {}, names.length
      ? "What is left out stays at its default. "
      : "Nothing is set: the default ranges of the families are searched. The first change writes them out, so that none is lost."),
    held(form) ? h("p", { class: "note", id: "space-unknown" },
      "What is searched by default is known once the server has answered: until then nothing can be changed here.") : null,
    names.length ? h("p", {}, button("Back to the default search", () => form.edit("/space", undefined), { id: "space-clear" }, "part-space")) : null,
    errorList("space", errorsAt(form, "/space", false)),
    names.filter((name) => !known.has(name)).map((name) => strangerRow(form, name)),
    h("div", { class: "parameters" }, shown.map(([name, { entry, families }]) => parameterRow(form, name, entry, families))),
    idle.length ? h("details", { class: "more", id: "more-parameters" },
      h("summary", {}, `${idle.length} more take no part with these settings`),
      h("ul", { class: "plain" }, idle.map(([name, { entry }]) => h("li", {}, h("code", {}, name), ` takes part where ${needed(form, known, entry)}. ${entry.description}`)))) : null,
  ];
}

// A change would lose the default search as long as it is not known.
function held(form) {
  return Object.keys(spaceOf(form.document)).length === 0 && defaultsOf(form, form.document) === null;
}

// Why a parameter takes no part now; empty where it does.
function needed(form, known, entry) {
  for (const [parent, values] of Object.entries(entry.needs)) {
    const held = possible(form, known, parent);
    if (held && !held.some((value) => values.some((each) => sameValue(each, value)))) return `${parent} is ${values.map(showScalar).join(" or ")}`;
  }
  return "";
}

function possible(form, known, name) {
  const entry = spaceOf(form.document)[name];
  if (entry === undefined) return known.has(name) ? [known.get(name).entry.default] : null;
  if (!isObject(entry)) return [entry];
  return Array.isArray(entry.choices) ? entry.choices : null;
}

function strangerRow(form, name) {
  const pointer = `/space${pointerOf([name])}`;
  return h("div", { class: "stranger wrong", id: idOf(pointer), "data-pointer": pointer, tabindex: "-1" },
    h("p", {}, h("code", {}, name), " is no parameter of the chosen families: ", h("code", {}, writeFlow(spaceOf(form.document)[name]).slice(0, 200))),
    errorList(idOf(pointer), errorsAt(form, pointer)),
    button(isLast(form, name) ? "Take it out: back to the default search" : "Take it out",
      () => form.edit(pointer, undefined), { id: `${idOf(pointer)}-out` }, "part-space"));
}

const MODES = { default: "left out", fixed: "fixed", range: "searched: a range", choices: "searched: choices" };

function modeOf(entry) {
  if (entry === undefined) return "default";
  if (!isObject(entry)) return "fixed";
  return entry.type === "categorical" ? "choices" : "range";
}

function parameterRow(form, name, entry, families) {
  const pointer = `/space${pointerOf([name])}`;
  const value = spaceOf(form.document)[name];
  const mode = modeOf(value);
  const id = idOf(pointer);
  const options = Object.keys(MODES)
    .filter((each) => each !== "range" || entry.allowed.type !== "categorical")
    .map((each) => [each, each === "default" ? sayDefault(form, name, entry) : MODES[each]]);
  const own = families.length < familiesOf(form.document).length;
  const errors = errorsAt(form, pointer, false);
  return h("div", { class: `parameter ${mode}${errors.length ? " wrong" : ""}`, id: `${id}-row` },
    h("div", { class: "about" },
      h("label", { for: id }, h("code", {}, name)),
      own ? h("span", { class: "state" }, `only ${families.join(", ")}`) : null,
      entry.role === "optimisation" ? null : h("span", { class: "state", title: ROLES[entry.role] }, entry.role),
      h("p", { class: "help", id: `${id}-help` }, prose(entry.description), entry.allowed.choices ? "" : ` Allowed: ${sayAllowed(entry)}.`)),
    h("div", { class: "setting", "data-pointer": pointer },
      choice({ id, disabled: held(form), "aria-describedby": `${id}-help${errors.length ? ` ${id}-errors` : ""}${held(form) ? " space-unknown" : ""}`, "aria-invalid": errors.length ? "true" : null }, mode, options,
        (next) => setEntry(form, name, form.memory.change(pointer, mode, value, next) ?? entryFor(next, entry, value, isLast(form, name)))),
      errorList(id, errors),
      settings(form, pointer, mode, entry, value)));
}

const ROLES = {
  capacity: "It runs to the edge of its range unless it costs something.",
  objective: "A weight of the loss itself: to search it, its price must be among the objectives or bounds.",
};

// Without any entry the default ranges would be searched.
function isLast(form, name) {
  const names = Object.keys(spaceOf(form.document));
  return names.length === 1 && names[0] === name;
}

function sayDefault(form, name, entry) {
  if (isLast(form, name)) return `fixed at its default: ${tidy(entry.default)}`;
  const space = spaceOf(form.document);
  const searched = Object.keys(space).length === 0 && defaultsOf(form, form.document)?.[name];
  return searched ? `left out: searched, ${sayEntry(searched)}` : `left out: ${tidy(entry.default)}`;
}

function sayEntry(entry) {
  if (!isObject(entry)) return showScalar(entry);
  if (entry.choices) return entry.choices.map(tidy).join(", ");
  return `${tidy(entry.low)} to ${tidy(entry.high)}${entry.log ? " (log)" : ""}`;
}

function sayAllowed(entry) {
  const also = entry.also_allowed.length ? `, or ${entry.also_allowed.map(tidy).join(", ")}` : "";
  return `${sayEntry({ ...entry.allowed, log: false })}${also}`;
}

function settings(form, pointer, mode, entry, value) {
  const listed = entry.allowed.type === "categorical" ? entry.allowed.choices : null;
  const edit = (place) => (next) => form.edit(place, next);
  if (mode === "fixed") return fixedField(form, pointer, listed, value);
  if (mode === "choices") return choicesField(form, pointer, listed, value);
  if (mode !== "range") return null;
  const number = (key, label) => field(form, `${pointer}/${key}`, { label }, (ties) => numberInput(ties, value[key], edit(`${pointer}/${key}`), { size: 9 }));
  return h("div", { class: "range" }, number("low", "from"), number("high", "to"), number("step", "step"),
    tick(form, `${pointer}/log`, { label: "log" }, value.log === true, (on) => form.edit(`${pointer}/log`, on || undefined)),
    conditions(value));
}

function conditions(value) {
  return value.when ? h("p", { class: "note" }, "Only where ", h("code", {}, writeFlow(value.when)), " (in the YAML)") : null;
}

function fixedField(form, pointer, listed, value) {
  const ties = { id: `${idOf(pointer)}-value`, "aria-label": `Value of ${pointer.split("/").at(-1)}` };
  if (listed) {
    return choice(ties, writeFlow(value), listed.map((each) => [writeFlow(each), showScalar(each)]),
      (text) => form.edit(pointer, listed.find((each) => writeFlow(each) === text)));
  }
  // Nothing typed is nothing fixed, but the row stays as it is: an empty text is refused by the server.
  return textInput(ties, value, (next) => form.edit(pointer, next ?? ""), { read: readScalar, kind: "number", size: 12 });
}

function choicesField(form, pointer, listed, value) {
  const place = `${pointer}/choices`;
  const chosen = Array.isArray(value.choices) ? value.choices : [];
  const inside = listed && chosen.every((each) => listed.some((one) => sameValue(one, each)));
  if (!inside) {
    return [field(form, place, { label: "with commas between" }, (ties) =>
      textInput(ties, value.choices, (next) => form.edit(place, next ?? []), { read: splitChoices, size: 28 })), conditions(value)];
  }
  const id = idOf(place);
  const errors = errorsAt(form, place);
  return h("fieldset", { class: "choices", id, "data-pointer": place, tabindex: "-1", "aria-describedby": errors.length ? `${id}-errors` : null },
    h("legend", { class: "unseen" }, `Choices of ${pointer.split("/").at(-1)}`),
    listed.map((each, index) => h("label", { class: "tick-label" },
      h("input", {
        type: "checkbox", class: "tick", id: `${id}-${index}`, checked: chosen.some((one) => sameValue(one, each)),
        on: { change: (box) => form.edit(place, listed.filter((one) => (sameValue(one, each) ? box.checked : chosen.some((it) => sameValue(it, one))))) },
      }), showScalar(each))),
    errorList(id, errors), conditions(value));
}

function splitChoices(text) {
  return text.split(",").map((part) => part.trim()).filter(Boolean).map(readScalar);
}

// Where a parameter begins when it is fixed or searched.
function entryFor(mode, entry, before, last) {
  const when = isObject(before) && before.when ? { when: before.when } : {};
  const listed = isObject(before) && Array.isArray(before.choices) ? before.choices : null;
  if (mode === "default") return last ? entry.default : undefined;
  if (mode === "fixed") return listed?.[0] ?? before?.low ?? entry.default;
  if (mode === "choices") {
    const suggested = entry.default_range?.choices ?? entry.allowed.choices;
    return { type: "categorical", choices: suggested ?? [isNumber(before) ? before : entry.default], ...when };
  }
  const suggested = entry.default_range?.low !== undefined ? entry.default_range : around(entry);
  const { type, low, high, log, step } = suggested;
  const discrete = step !== null && step !== undefined && !sameValue(step, 1) ? { step } : {};
  return { type, low, high, ...(log ? { log: true } : {}), ...discrete, ...when };
}

// From half to twice the default, inside what is allowed.
function around(entry) {
  const { type, low, high, step } = entry.allowed;
  const middle = isNumber(entry.default) ? Number(entry.default) : Number(low) || 1;
  const whole = type === "int";
  const grid = (value) => (whole && Number(step) > 1 ? Number(low) + Math.round((value - Number(low)) / Number(step)) * Number(step) : whole ? Math.round(value) : value);
  const from = Math.max(Number(low), grid(middle / 2));
  const to = Math.min(Number(high), grid(middle * 2) || grid(Number(low) + (Number(high) - Number(low)) / 4));
  return { type, low: from, high: to > from ? to : Number(high), log: false, step: whole && Number(step) > 1 ? step : null };
}

// The first change of a default search writes the whole of it out: else the rest would no longer be searched.
function setEntry(form, name, entry) {
  const space = spaceOf(form.latest());
  if (Object.keys(space).length === 0) {
    const known = defaultsOf(form, form.latest());
    if (!known) return;
    const written = {};
    for (const [each, value] of Object.entries(known)) written[each] = shortened(value);
    form.edit("/space", { ...written, [name]: entry }, true);
  }
  form.edit(`/space${pointerOf([name])}`, entry);
}

function shortened(entry) {
  if (!isObject(entry)) return entry;
  return Object.fromEntries(Object.entries(entry).filter(([key, value]) =>
    value !== null && value !== false && !(key === "step" && sameValue(value, 1)) && !(key === "when" && !value)));
}

