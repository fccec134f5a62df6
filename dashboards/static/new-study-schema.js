// Fields made from the JSON schema of a spec: what it gains appears by itself.
import { h, prose } from "/static/new-study-dom.js";
import { choice, errorList, errorsAt, field, group, idOf, numberInput, textInput, tick } from "/static/new-study-fields.js";
import { isObject, pointerOf, keysOf, readNumber, readScalar, sameValue, showScalar, tidy, valueAt, writeFlow } from "/static/new-study-values.js";

export function deref(form, schema) {
  return schema?.$ref ? { ...form.schema.$defs[schema.$ref.split("/").pop()], ...withoutRef(schema) } : schema;
}

function withoutRef({ $ref, ...rest }) {
  return rest;
}

export function variants(form, schema) {
  return (schema.oneOf ?? schema.anyOf ?? [schema]).flatMap((each) => {
    const found = deref(form, each);
    return found.oneOf || found.anyOf ? variants(form, found) : [found];
  });
}

export function labelOf(form, pointer) {
  const words = form.words[pointer]?.label;
  return words ?? capital(String(keysOf(pointer).at(-1)).replaceAll("_", " "));
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function helpOf(form, pointer, schema) {
  return form.words[pointer]?.help ?? schema.description ?? "";
}

// What applies as long as a field is left out.
export function leftOut(form, pointer, schema) {
  const resolved = form.preview && valueAt(form.preview.resolved, pointer);
  const value = resolved ?? schema.default;
  if (value === undefined || value === null || isObject(value)) return "";
  return `Left out: ${Array.isArray(value) ? value.map(tidy).join(", ") || "none" : tidy(value)}`;
}

export function schemaField(form, pointer, raw, required = false) {
  const schema = deref(form, raw);
  const all = variants(form, schema);
  const kinds = all.filter((each) => each.type !== "null");
  const nullable = kinds.length < all.length;
  if (kinds.every((each) => each.type === "object" && each.properties)) {
    if (kinds.length > 1) return unionField(form, pointer, schema, kinds, nullable);
    return nullable ? optionalGroup(form, pointer, schema, kinds[0]) : objectGroup(form, pointer, kinds[0]);
  }
  if (kinds.length === 1 && kinds[0].const !== undefined) return null;
  return plainField(form, pointer, schema, kinds, nullable, required);
}

function plainField(form, pointer, schema, kinds, nullable, required) {
  const value = valueAt(form.document, pointer);
  const only = kinds.length === 1 ? kinds[0] : {};
  const set = (next) => form.edit(pointer, isDefault(schema, next, required) ? undefined : next);
  const words = {
    label: labelOf(form, pointer),
    help: helpOf(form, pointer, schema) || (nullable && schema.default !== null ? "Or `null`." : ""),
    note: value === undefined && !only.enum && only.type !== "boolean" ? leftOut(form, pointer, schema) : "",
  };
  if (only.type === "boolean") return tick(form, pointer, words, value ?? schema.default ?? false, set);
  if (only.enum) {
    const options = only.enum.map((each) => [writeFlow(each), optionWords(form, pointer, each)]);
    return field(form, pointer, words, (ties) =>
      choice(ties, writeFlow(value ?? schema.default), options, (text) => set(only.enum.find((each) => writeFlow(each) === text))));
  }
  if (only.type === "array") return listField(form, pointer, words, only, value, set);
  if (kinds.every((each) => ["integer", "number", "string"].includes(each.type) || each.const !== undefined)) {
    const numeric = kinds.some((each) => each.type !== "string");
    const read = (text) => (nullable && text.trim() === "null" ? null : numeric ? readNumber(text) : text);
    return field(form, pointer, words, (ties) => (numeric ? numberInput : textInput)(ties, value, set, { read }));
  }
  return untold(form, pointer, words, value);
}

function optionWords(form, pointer, value) {
  return form.words[pointer]?.options?.[String(value)] ?? ({ "\t": "tab", " ": "space" }[value] ?? String(value));
}

// A default that is written out says nothing: the YAML stays short.
function isDefault(schema, value, required) {
  return value === undefined || (!required && schema.default !== undefined && sameValue(value, schema.default));
}

function listField(form, pointer, words, schema, value, set) {
  const items = deref(form, schema.items ?? {});
  if (items.type === "object" || items.type === "array") return untold(form, pointer, words, value);
  if (items.type === "string") {
    return field(form, pointer, { ...words, help: `${words.help} One a line.`.trim() }, (ties) =>
      h("textarea", {
        ...ties, rows: 3, spellcheck: "false", value: Array.isArray(value) ? value.map(showScalar).join("\n") : value ?? "",
        on: { input: (area) => set(area.value.trim() ? area.value.split("\n").filter((line) => line.trim()) : undefined) },
      }));
  }
  return field(form, pointer, { ...words, help: `${words.help} With commas between.`.trim() }, (ties) =>
    textInput(ties, value, set, { read: (text) => text.split(",").map((part) => part.trim()).filter(Boolean).map(readScalar) }));
}

// What the form has no field for is kept, and shown.
function untold(form, pointer, words, value) {
  const id = idOf(pointer);
  return h("div", { class: "field", id, "data-pointer": pointer, tabindex: "-1" },
    h("p", { class: "label" }, words.label),
    value === undefined
      ? h("p", { class: "note" }, "Not set. Write it in the YAML.")
      : h("p", { class: "note" }, "Set in the YAML: ", h("code", {}, writeFlow(value).slice(0, 400))),
    errorList(id, errorsAt(form, pointer)),
    words.help ? h("p", { class: "help" }, prose(words.help)) : null);
}

export function objectFields(form, pointer, schema, leave = []) {
  return Object.entries(schema.properties)
    .filter(([name]) => !leave.includes(name))
    .map(([name, each]) => schemaField(form, pointer + pointerOf([name]), each, (schema.required ?? []).includes(name)));
}

function objectGroup(form, pointer, schema) {
  return group(form, pointer, { label: labelOf(form, pointer), help: form.words[pointer]?.help ?? firstParagraph(schema.description) },
    h("div", { class: "fields" }, objectFields(form, pointer, schema)));
}

function firstParagraph(text) {
  return (text ?? "").split("\n\n")[0].replaceAll("\n", " ");
}

// An object that may be null: ticked or not.
function optionalGroup(form, pointer, schema, inner) {
  const value = valueAt(form.document, pointer);
  const on = value === undefined ? schema.default !== null && schema.default !== undefined : value !== null;
  const first = form.words[pointer]?.first ?? {};
  const id = idOf(pointer);
  const set = (checked) => {
    const byDefault = schema.default !== null && schema.default !== undefined;
    const held = form.memory.change(pointer, on, value, checked);
    form.edit(pointer, held ?? (checked === byDefault ? undefined : checked ? first : null));
  };
  return h("fieldset", { class: "group optional", id, "data-pointer": pointer, tabindex: "-1" },
    h("legend", {}, h("label", { class: "tick-label" },
      h("input", { type: "checkbox", class: "tick", id: `${id}-on`, checked: on, on: { change: (box) => set(box.checked) } }), labelOf(form, pointer))),
    h("p", { class: "help" }, prose(form.words[pointer]?.help ?? firstParagraph(inner.description))),
    errorList(id, errorsAt(form, pointer, false)),
    on ? h("div", { class: "fields" }, objectFields(form, pointer, inner)) : null);
}

export function tagOf(schema) {
  return Object.keys(schema.properties).find((name) => schema.properties[name].const !== undefined);
}

// One of several objects, told apart by a constant: `type` or `kind`.
export function unionField(form, pointer, schema, kinds, nullable, { describe = () => "", unfit = () => "" } = {}) {
  const tag = tagOf(kinds[0]);
  const value = valueAt(form.document, pointer);
  const byDefault = schema.default?.[tag] ?? "";
  const now = isObject(value) ? String(value[tag] ?? "") : byDefault;
  const chosen = kinds.find((each) => each.properties[tag]?.const === now);
  const options = kinds.map((each) => {
    const name = each.properties[tag].const;
    return [name, `${optionWords(form, pointer, name)}${unfit(name) ? ` (${unfit(name)})` : ""}`, unfit(name) && name !== now];
  });
  if (nullable) options.unshift(["", automatic(form, pointer, tag)]);
  const change = (name) => {
    const next = kinds.find((each) => each.properties[tag].const === name);
    const held = form.memory.change(pointer, now, value, name);
    if (!next) return form.edit(pointer, undefined);
    const kept = Object.entries(isObject(value) ? value : {}).filter(([key]) => key !== tag && Object.hasOwn(next.properties, key));
    const alone = name === byDefault && kept.length === 0 && !isObject(held);
    return form.edit(pointer, alone ? undefined : { [tag]: name, ...held, ...Object.fromEntries(kept) });
  };
  const help = now === "" ? form.words[pointer]?.help : describe(now) || firstParagraph(chosen?.description);
  // Fields of a kind that is there by default only need the kind beside them.
  const edit = (place, next) => {
    if (!isObject(value) && now) form.edit(pointer, { [tag]: now }, true);
    form.edit(place, next);
  };
  const inner = chosen ? objectFields({ ...form, edit }, pointer, chosen, [tag]) : [];
  return [
    field(form, pointer, { label: labelOf(form, pointer), help, deep: false }, (ties) => choice(ties, now, options, change)),
    chosen && inner.some(Boolean) ? h("div", { class: "fields inset" }, inner) : null,
  ];
}

function automatic(form, pointer, tag) {
  const resolved = form.preview && valueAt(form.preview.resolved, pointer);
  return resolved?.[tag] ? `automatic (${resolved[tag]})` : "automatic";
}
