// What the study is after: one objective or several, and the bounds that a winner must keep.
import { h } from "/static/new-study-dom.js";
import { button, choice, errorList, errorsAt, field, group, idOf, numberInput } from "/static/new-study-fields.js";
import { familiesOf, taskOf } from "/static/new-study-model.js";
import { isObject } from "/static/new-study-values.js";

const MOST_OBJECTIVES = 3;

export function objectivesOf(document) {
  const found = document.objective;
  if (Array.isArray(found)) return found.filter(isObject);
  return isObject(found) ? [found] : [];
}

export function aimsSection(form) {
  const all = objectivesOf(form.document);
  const several = Array.isArray(form.document.objective);
  const first = all.length ? all : [{}];
  return [
    errorList(idOf("/objective"), errorsAt(form, "/objective", false)),
    several ? h("p", { class: "help" }, "The answer is the set of trials that no other beats in everything; its knee is the best config.") : null,
    first.map((objective, index) => objectiveGroup(form, several ? `/objective/${index}` : "/objective", objective, index, all)),
  ];
}

function objectiveGroup(form, pointer, objective, index, all) {
  const automatic = !objective.metric && all.length < 2;
  const entry = form.catalog.metrics[objective.metric ?? resolvedMetric(form)];
  const bounds = Array.isArray(objective.subject_to) ? objective.subject_to : [];
  const options = metricOptions(form, objective.metric);
  if (all.length < 2) options.unshift(["", `automatic${resolvedMetric(form) ? ` (${resolvedMetric(form)})` : ""}`]);
  const change = (name) => setMetric(form, pointer, objective, name);
  return h("div", { class: "objective", id: `objective-${index}` },
    h("div", { class: "fields" },
      field(form, `${pointer}/metric`, { label: all.length > 1 ? `Objective ${index + 1}` : "Metric, on validation", help: entry && describe(entry), wide: true },
        (ties) => choice(ties, objective.metric ?? "", options, change)),
      field(form, `${pointer}/direction`, { label: "Direction" }, (ties) =>
        choice({ ...ties, disabled: automatic }, objective.direction ?? (automatic ? entry?.direction ?? "minimize" : "minimize"),
          [["minimize", "as small as possible"], ["maximize", "as large as possible"]],
          (next) => form.edit(`${pointer}/direction`, next === "minimize" ? undefined : next)))),
    bounds.map((bound, at) => boundRow(form, `${pointer}/subject_to/${at}`, isObject(bound) ? bound : {})),
    h("p", { class: "buttons" },
      index === 0 ? button("Add a bound", () => addBound(form, pointer, objective, bounds), { id: `add-bound-${index}` }) : null,
      index === Math.max(all.length, 1) - 1 && all.length < MOST_OBJECTIVES
        ? button("Add an objective", () => addObjective(form, all), { id: "add-objective" }) : null,
      all.length > 1 ? button(`Take objective ${index + 1} out`, () => dropObjective(form, all, index), { id: `drop-objective-${index}` }, "add-objective") : null));
}

function describe(entry) {
  return `${entry.description}${entry.unit ? ` Unit: ${entry.unit}.` : ""}`;
}

function resolvedMetric(form) {
  const found = form.preview?.resolved.objective;
  return Array.isArray(found) ? "" : found?.metric ?? "";
}

// What every chosen family reports for these data and this task.
function metricOptions(form, chosen) {
  const families = familiesOf(form.document).map((name) => form.catalog.families[name]).filter(Boolean);
  const names = Object.values(form.catalog.metrics).filter((metric) =>
    metric.name === chosen || (
      (metric.source === "complexity" || families.every((family) => family.metrics.includes(metric.name)))
      && (!metric.tasks.length || metric.tasks.includes(taskOf(form.document)))
      && (!form.data || !metric.data_kinds.length || metric.data_kinds.includes(form.data.kind))));
  return names.map((metric) => [metric.name, `${metric.name}${metric.unit ? `, in ${metric.unit}` : ""}`]);
}

function setMetric(form, pointer, before, name) {
  if (!name) {
    const rest = before.subject_to?.length ? { subject_to: before.subject_to } : undefined;
    return form.edit(pointer, rest);
  }
  const { direction, ...kept } = before;
  const best = form.catalog.metrics[name]?.direction;
  const next = { ...kept, metric: name };
  // The metric comes first, as people write it.
  const { metric, subject_to: bounds, ...others } = next;
  form.edit(pointer, { metric, ...(best === "maximize" ? { direction: best } : {}), ...others, ...(bounds ? { subject_to: bounds } : {}) });
}

function firstObjective(form) {
  const name = resolvedMetric(form) || "mse";
  const best = form.catalog.metrics[name]?.direction;
  return { metric: name, ...(best === "maximize" ? { direction: best } : {}) };
}

function addObjective(form, all) {
  const present = all.length ? all : [firstObjective(form)];
  const used = present.map((each) => each.metric);
  const next = metricOptions(form).map(([name]) => name).filter((name) => !used.includes(name));
  const name = next.find((each) => form.catalog.metrics[each]?.source === "complexity") ?? next[0];
  const named = present.map((each) => (each.metric ? each : { ...firstObjective(form), ...each }));
  form.edit("/objective", [...named, { metric: next.includes("kl") ? "kl" : name }]);
}

// The bounds are the study's; only the first objective holds them.
function dropObjective(form, all, index) {
  const left = all.filter((_, each) => each !== index);
  const bounds = index === 0 && Array.isArray(all[0].subject_to) ? all[0].subject_to : [];
  if (bounds.length) left[0] = { ...left[0], subject_to: [...bounds, ...(left[0].subject_to ?? [])] };
  form.edit("/objective", left.length > 1 ? left : left[0]);
}

function addBound(form, pointer, objective, bounds) {
  const name = metricOptions(form).map(([each]) => each).find((each) => each === "kl") ?? "parameters";
  const whole = objective.metric ? objective : { ...firstObjective(form), ...objective };
  form.edit(pointer, { ...whole, subject_to: [...bounds, { metric: name, at_most: name === "kl" ? 20 : 100000 }] });
}

function boundRow(form, pointer, bound) {
  const side = "at_least" in bound ? "at_least" : "at_most";
  const turn = (next) => {
    const { at_most: most, at_least: least, ...rest } = bound;
    form.edit(pointer, { ...rest, [next]: most ?? least ?? 0 });
  };
  return group(form, pointer, { label: "A winner must keep" },
    h("div", { class: "bound" },
      field(form, `${pointer}/metric`, { label: "Metric" }, (ties) =>
        choice(ties, bound.metric ?? "", metricOptions(form, bound.metric), (name) => form.edit(`${pointer}/metric`, name))),
      field(form, `${pointer}/side`, { label: "Bound" }, (ties) =>
        choice(ties, side, [["at_most", "at most"], ["at_least", "at least"]], turn)),
      field(form, `${pointer}/${side}`, { label: form.catalog.metrics[bound.metric]?.unit || "Value" }, (ties) =>
        numberInput(ties, bound[side], (next) => form.edit(`${pointer}/${side}`, next ?? null))),
      button("Take the bound out", () => form.edit(pointer, undefined), { id: `${idOf(pointer)}-out` }, "add-bound-0")));
}

