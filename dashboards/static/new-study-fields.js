// One field: label, control, what it means, what is wrong with it.
import { h, prose } from "/static/new-study-dom.js";
import { readNumber, showScalar } from "/static/new-study-values.js";

export function idOf(pointer) {
  return `field${[...pointer].map((sign) => (/[a-z0-9_]/.test(sign) ? sign : sign === "/" ? "-" : `.${sign.codePointAt(0).toString(16)}.`)).join("")}`;
}

export function errorsAt(form, pointer, deep = true) {
  return form.errors.filter((error) => error.pointer === pointer || (deep && error.pointer.startsWith(`${pointer}/`)));
}

export function errorList(id, errors) {
  if (!errors.length) return null;
  return h("ul", { id: `${id}-errors`, class: "field-errors plain" }, errors.map((error) =>
    h("li", {}, h("strong", {}, sentence(error.reason)), " ", error.remedy ? sentence(error.remedy) : "")));
}

export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(whole) ? whole : `${whole}.`;
}

// `make` gets the attributes that tie a control to its label, its help and its errors.
export function field(form, pointer, { label, help, note, deep = true, wide = false }, make) {
  const id = idOf(pointer);
  const errors = errorsAt(form, pointer, deep);
  const described = [help && `${id}-help`, note && `${id}-note`, errors.length && `${id}-errors`].filter(Boolean).join(" ");
  const ties = { id, "aria-describedby": described || null, "aria-invalid": errors.length ? "true" : null };
  return h("div", { class: `field${errors.length ? " wrong" : ""}${wide ? " wide-field" : ""}`, "data-pointer": pointer },
    h("label", { for: id }, label),
    make(ties),
    note ? h("p", { class: "note", id: `${id}-note` }, prose(note)) : null,
    errorList(id, errors),
    help ? h("p", { class: "help", id: `${id}-help` }, prose(help)) : null);
}

export function textInput(ties, value, edit, { read = (text) => text, kind = "text", placeholder = null, size = null } = {}) {
  return h("input", {
    ...ties, type: "text", placeholder, size, autocomplete: "off", spellcheck: "false",
    inputmode: kind === "number" ? "decimal" : null,
    value: value === undefined ? "" : Array.isArray(value) ? value.map(showScalar).join(", ") : showScalar(value),
    on: { input: (input) => edit(input.value.trim() === "" ? undefined : read(input.value)) },
  });
}

export function numberInput(ties, value, edit, options = {}) {
  return textInput(ties, value, edit, { read: readNumber, kind: "number", size: 12, ...options });
}

// Options: [value as text, words, whether it cannot be chosen].
export function choice(ties, value, options, edit) {
  const known = options.some(([key]) => key === value);
  const shown = known ? options : [...options, [value, value]];
  return h("select", { ...ties, value, on: { change: (select) => edit(select.value) } },
    shown.map(([key, words, disabled]) => h("option", { value: key, selected: key === value, disabled: Boolean(disabled) }, words)));
}

export function tick(form, pointer, { label, help }, checked, edit) {
  const id = idOf(pointer);
  const errors = errorsAt(form, pointer);
  const described = [help && `${id}-help`, errors.length && `${id}-errors`].filter(Boolean).join(" ");
  return h("div", { class: `field tick-field${errors.length ? " wrong" : ""}`, "data-pointer": pointer },
    h("label", { class: "tick-label" },
      h("input", {
        id, type: "checkbox", class: "tick", checked, "aria-describedby": described || null,
        "aria-invalid": errors.length ? "true" : null, on: { change: (box) => edit(box.checked) },
      }), label),
    errorList(id, errors),
    help ? h("p", { class: "help", id: `${id}-help` }, prose(help)) : null);
}

export function group(form, pointer, { label, help }, ...children) {
  const id = idOf(pointer);
  const errors = errorsAt(form, pointer, false);
  return h("fieldset", {
    id, class: "group", "data-pointer": pointer, tabindex: "-1",
    "aria-describedby": errors.length ? `${id}-errors` : null,
  },
  h("legend", {}, label), help ? h("p", { class: "help" }, prose(help)) : null, errorList(id, errors), ...children);
}

// `after`: where the focus goes when the button goes by what it does; of a fold, its summary.
export function button(label, act, properties = {}, after = "") {
  const click = () => {
    act();
    const next = after && document.activeElement === document.body && document.getElementById(after);
    if (next) (next.querySelector(":scope > summary") ?? next).focus();
  };
  return h("button", { type: "button", class: "quiet", ...properties, on: { click } }, label);
}
