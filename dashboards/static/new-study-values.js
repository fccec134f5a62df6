// The document that is edited: plain values, kept number by number as they were written.

// A number that JavaScript would write otherwise: 10.0, 1e-06, a seed beyond 2^53.
export class Exact {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

const NUMBER = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

export function parseDocument(text) {
  return JSON.parse(text, (key, value, context) =>
    typeof value === "number" && context?.source !== undefined ? numberOf(context.source) : value);
}

function numberOf(text) {
  return String(Number(text)) === text ? Number(text) : new Exact(text);
}

export function isNumber(value) {
  return typeof value === "number" || value instanceof Exact;
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Exact);
}

// What is no number stays a text: the server says what is wrong with it.
export function readNumber(text) {
  const trimmed = text.trim();
  return NUMBER.test(trimmed) ? numberOf(trimmed) : trimmed;
}

export function readScalar(text) {
  const trimmed = text.trim();
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  return readNumber(trimmed);
}

export function showScalar(value) {
  return value === null ? "null" : String(value);
}

// For people: 0.9 and not 0.90, 1e-7 and not 1e-07; whole numbers as they are, however long.
export function tidy(value) {
  return value instanceof Exact && /[.e]/i.test(value.text) ? String(Number(value.text)) : showScalar(value);
}

export function sameValue(one, other) {
  return writeFlow(one) === writeFlow(other);
}

// Places in the document ------------------------------------------------------------------------

export function keysOf(pointer) {
  return pointer.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function pointerOf(keys) {
  return keys.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

export function valueAt(root, pointer) {
  let value = root;
  for (const key of keysOf(pointer)) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

// A copy with another value there; undefined takes the key out, and objects that this empties,
// but those of which `stays` says, by their pointer, that they are wanted empty too.
export function withValue(root, pointer, value, stays = () => false) {
  return changed(root, keysOf(pointer), value, stays, "");
}

function changed(place, [key, ...rest], value, stays, above) {
  if (key === undefined) return value;
  const own = above + pointerOf([key]);
  if (Array.isArray(place)) {
    const copy = [...place];
    const inner = changed(copy[key], rest, value, stays, own);
    if (inner === undefined) copy.splice(Number(key), 1);
    else copy[key] = inner;
    return copy;
  }
  const copy = isObject(place) ? { ...place } : {};
  const before = Object.hasOwn(copy, key) ? copy[key] : undefined;
  const inner = changed(before, rest, value, stays, own);
  const emptied = rest.length > 0 && value === undefined && isObject(inner) && Object.keys(inner).length === 0
    && !(before !== undefined && stays(own));
  if (inner === undefined || emptied) delete copy[key];
  else copy[key] = inner;
  return copy;
}

// YAML ------------------------------------------------------------------------------------------

const WIDTH = 88;
const PLAIN = /^[A-Za-z_](?:[A-Za-z0-9_ ./+-]*[A-Za-z0-9_./+-])?$/;
const SPECIAL = /^(?:null|true|false|yes|no|on|off|y|n|nan|inf)$/i;
// JSON.stringify leaves these as they are, and YAML forbids or folds them.
const ESCAPED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

export function writeYaml(value) {
  if (!isObject(value) || Object.keys(value).length === 0) return `${writeFlow(value)}\n`;
  return blockLines(value).join("\n") + "\n";
}

function blockLines(object) {
  const lines = [];
  for (const [key, value] of Object.entries(object)) {
    const head = `${writeText(key)}:`;
    const flow = writeFlow(value);
    const simple = !isObject(value) && !Array.isArray(value);
    if (simple || isFlat(value) && head.length + 1 + flow.length <= WIDTH) {
      lines.push(`${head} ${flow}`);
    } else if (isObject(value)) {
      lines.push(head, ...indented(blockLines(value)));
    } else {
      lines.push(head, ...value.map((item) => `  - ${writeFlow(item)}`));
    }
  }
  return lines;
}

// A line holds what people take in at a glance: nothing nested but conditions and choices.
function isFlat(value) {
  if (Array.isArray(value)) return value.every((item) => typeof item !== "object" || item === null || item instanceof Exact);
  return Object.values(value).every((item) => !isObject(item));
}

function indented(lines) {
  return lines.map((line) => `  ${line}`);
}

export function writeFlow(value) {
  if (value === undefined || value === null) return "null";
  if (isNumber(value)) return writeNumber(String(value));
  if (typeof value === "string") return writeText(value);
  if (Array.isArray(value)) return `[${value.map(writeFlow).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([key, item]) => `${writeText(key)}: ${writeFlow(item)}`).join(", ")}}`;
  }
  return String(value);
}

// Readers of YAML 1.1 take 1e-7 for a text, but not 1.0e-7.
function writeNumber(text) {
  return /e/i.test(text) && !text.includes(".") ? text.replace(/e/i, ".0e") : text;
}

function writeText(text) {
  if (PLAIN.test(text) && !SPECIAL.test(text)) return text;
  return JSON.stringify(text).replace(ESCAPED, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
