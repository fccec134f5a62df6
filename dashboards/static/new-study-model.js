// Two of the questions: which data, which models. What does not fit says why.
import { h, prose } from "/static/new-study-dom.js";
import { button, choice, errorList, errorsAt, field, group, idOf } from "/static/new-study-fields.js";
import { deref, objectFields, unionField, variants } from "/static/new-study-schema.js";
import { isObject } from "/static/new-study-values.js";

const KIND_WORDS = { image: "pictures", vector: "vectors", table: "tables", text: "texts" };

export function familiesOf(document) {
  const family = document.family;
  if (typeof family === "string") return [family];
  return Array.isArray(family?.choices) ? family.choices.filter((name) => typeof name === "string") : [];
}

export function taskOf(document) {
  return typeof document.task?.kind === "string" ? document.task.kind : "reconstruct";
}

// Data ------------------------------------------------------------------------------------------

export function dataSection(form) {
  const dataset = form.document.dataset;
  const members = variants(form, form.schema.properties.dataset);
  const now = dataKey(dataset);
  const member = members.find((each) => fitsKey(each, now));
  const leave = ["name", "id", "kind"];
  const first = member ? (member.required ?? []) : [];
  const fields = member ? { ...member, properties: pick(member.properties, (name) => first.includes(name)) } : null;
  const rest = member ? { ...member, properties: pick(member.properties, (name) => !first.includes(name)) } : null;
  return [
    field(form, "/dataset", { label: "Data set", note: sayHeader(form), deep: !member },
      (ties) => choice(ties, now, dataOptions(form, members), (key) => form.edit("/dataset", chosenData(dataset, key, members, form.memory.change("/dataset", now, dataset, key))))),
    now.startsWith("name:") || now.startsWith("id:")
      ? [...["/dataset/name", "/dataset/id"].map((place) => errorList(idOf(place), errorsAt(form, place))),
        h("p", {}, h("a", { href: `/datasets/${encodeURIComponent(now.slice(now.indexOf(":") + 1))}`, target: "_blank", rel: "noopener" }, "See its samples and baselines (new tab)"))]
      : null,
    fields && h("div", { class: "fields" }, objectFields(form, "/dataset", fields, leave)),
    rest && h("details", { class: "more", id: "more-data" }, h("summary", {}, "How it is read"),
      h("div", { class: "fields" }, objectFields(form, "/dataset", rest, leave))),
    taskFields(form),
  ];
}

function pick(properties, wanted) {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => wanted(name)));
}

function dataKey(dataset) {
  if (!isObject(dataset)) return "";
  const key = ["kind", "name", "id"].find((name) => typeof dataset[name] === "string");
  return key ? `${key}:${dataset[key]}` : "";
}

function fitsKey(member, key) {
  const [name, value] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  if (name === "kind") return member.properties.kind?.const === value;
  return Boolean(name) && !member.properties.kind && Boolean(member.properties[name]);
}

function dataOptions(form, members) {
  const known = form.datasets.map((each) => [`${each.origin === "upload" ? "id" : "name"}:${each.id}`, dataWords(each)]);
  const files = members.filter((each) => each.properties.kind).map((each) => {
    const kind = each.properties.kind.const;
    return [`kind:${kind}`, `A path: ${kind}. ${each.description.split(/[.;]/)[0]}`];
  });
  return [...(dataKey(form.document.dataset) ? [] : [["", "Choose one"]]), ...known, ...files];
}

function dataWords(entry) {
  const about = entry.origin === "upload" ? "uploaded" : entry.description.replace(/\.$/, "");
  return `${entry.name}: ${about || entry.origin}`;
}

function chosenData(before, key, members, held) {
  const [name, value] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  const member = members.find((each) => fitsKey(each, key));
  const kept = Object.entries(isObject(before) ? before : {})
    .filter(([each]) => !["name", "id", "kind"].includes(each) && Object.hasOwn(member.properties, each));
  return { [name]: value, ...held, ...Object.fromEntries(kept) };
}

function sayHeader(form) {
  const data = form.data;
  if (!data) return "";
  const size = data.shape.join(" x ");
  const what = { image: `pictures of ${size}`, text: `texts of at most ${size} tokens`, table: `rows of ${size} numbers, categories spread out`, vector: `vectors of ${size} numbers` }[data.kind] ?? data.kind;
  return `${data.estimated ? "About " : ""}${data.samples.toLocaleString("en")} samples: ${what}, ${data.dtype}.`;
}

function taskFields(form) {
  const schema = form.schema.properties.task;
  const entries = Object.fromEntries(form.catalog.tasks.map((task) => [task.name, task]));
  return unionField(form, "/task", schema, variants(form, schema).filter((each) => entries[each.properties.kind.const]), false, {
    describe: (name) => entries[name]?.description,
    unfit: (name) => {
      const kinds = entries[name]?.data_kinds ?? [];
      return form.data && !kinds.includes(form.data.kind) ? `for ${kinds.map(sayKind).join(", ")}` : "";
    },
  });
}

function sayKind(kind) {
  return KIND_WORDS[kind] ?? kind;
}

// Models ----------------------------------------------------------------------------------------

export function modelSection(form) {
  const chosen = familiesOf(form.document);
  const families = Object.values(form.catalog.families);
  const unfit = families.filter((each) => reasonAgainst(form, each) && !chosen.includes(each.name));
  const shown = families.filter((each) => !unfit.includes(each));
  const groups = new Map();
  for (const each of shown) groups.set(groupOf(each), [...(groups.get(groupOf(each)) ?? []), each]);
  const strangers = chosen.filter((name) => !form.catalog.families[name]);
  return group(form, "/family", {
    label: "Model families",
    help: chosen.length > 1 ? "Several are searched like one more parameter: each trial trains one of them." : "Choose one, or several to let the search decide.",
  },
  familyErrors(form),
  strangers.map((name) => h("p", { class: "stranger" }, h("code", {}, name), " is no family of this server. ",
    button("Take it out", () => toggle(form, name, false)))),
  [...groups].map(([name, members]) => h("details", {
    class: "families", id: `group-${name.toLowerCase().replaceAll(" ", "-")}`,
    open: groups.size === 1 || members.some((each) => chosen.includes(each.name)),
  },
  h("summary", {}, h("strong", {}, name), " ", h("span", { class: "muted" }, members.map((each) => each.title).join(", "))),
  h("div", { class: "family-grid" }, members.map((each) => familyTick(form, each, chosen))))),
  unfit.length ? h("details", { class: "more", id: "more-families" },
    h("summary", {}, `${unfit.length} ${unfit.length === 1 ? "family does" : "families do"} not fit this data and task`),
    h("div", { class: "family-grid" }, unfit.map((each) => familyTick(form, each, chosen)))) : null);
}

function familyErrors(form) {
  return errorList("families", errorsAt(form, "/family").filter((error) => error.pointer !== "/family"));
}

function groupOf(entry) {
  if (entry.data_kinds.length === 1 && entry.data_kinds[0] === "text") return "For texts";
  if (!entry.data_kinds.includes("image")) return "For tables";
  if (entry.parameters.adversarial_loss) return "Adversarial";
  if (!entry.tasks.includes("reconstruct")) return "For repairing pictures";
  return entry.likelihood ? "Variational" : "Autoencoders";
}

export function reasonAgainst(form, entry) {
  if (form.data && !entry.data_kinds.includes(form.data.kind)) {
    return `It takes ${entry.data_kinds.map(sayKind).join(", ")}; the data are ${sayKind(form.data.kind)}.`;
  }
  const task = taskOf(form.document);
  return entry.tasks.includes(task) ? "" : `It does not do the task ${task}; it does ${entry.tasks.join(", ")}.`;
}

function familyTick(form, entry, chosen) {
  const id = `family-${entry.name}`;
  const reason = reasonAgainst(form, entry);
  const checked = chosen.includes(entry.name);
  return h("div", { class: `family${checked ? " on" : ""}`, id: `${id}-card` },
    h("label", { class: "tick-label" },
      h("input", {
        type: "checkbox", class: "tick", id, name: "families", checked, disabled: Boolean(reason) && !checked, "aria-describedby": `${id}-help`,
        on: { change: (box) => toggle(form, entry.name, box.checked) },
      }), h("span", {}, entry.title, " ", h("code", {}, entry.name))),
    h("p", { class: "help", id: `${id}-help` }, prose(entry.description), reason ? h("strong", { class: "against" }, ` ${reason}`) : ""));
}

function toggle(form, name, on) {
  const before = familiesOf(form.latest());
  const names = on ? [...before.filter((each) => each !== name), name] : before.filter((each) => each !== name);
  form.edit("/family", names.length > 1 ? { choices: names } : names[0]);
}

export function parametersOf(form) {
  const found = new Map();
  for (const name of familiesOf(form.document)) {
    for (const [key, entry] of Object.entries(form.catalog.families[name]?.parameters ?? {})) {
      const known = found.get(key) ?? { entry, families: [] };
      known.families.push(name);
      found.set(key, known);
    }
  }
  return found;
}

export function describedBy(list) {
  return (name) => list.find((each) => each.name === name)?.description ?? "";
}

export function withDescriptions(form, name, list) {
  const schema = deref(form, form.schema.properties[name]);
  const all = variants(form, schema);
  const kinds = all.filter((each) => each.type !== "null");
  return unionField(form, `/${name}`, schema, kinds, kinds.length < all.length, { describe: describedBy(list) });
}

