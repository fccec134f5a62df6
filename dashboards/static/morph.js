// Patches what is on the page into what the server renders now. Three trees take part: what is shown,
// what the server said before (remembered for every node), and what it says now. Only what the
// server changed is changed, so that the nodes live on, and with them focus, scroll positions, open
// details, ticks, typed values and whatever a script wrote since.

const saidOf = new WeakMap(); // shown node -> what the server said
const shownOf = new WeakMap(); // what the server said -> shown node

function pair(shown, said) {
  saidOf.set(shown, said);
  shownOf.set(said, shown);
}

// `shown` is what the server said, untouched so far.
export function remember(shown, said = shown.cloneNode(true)) {
  pair(shown, said);
  shown.childNodes.forEach((child, index) => remember(child, said.childNodes[index]));
}

// The newest words are kept in place of equal older ones: else whole old pages would stay in memory.
function renew(before, said) {
  const shown = shownOf.get(before);
  if (shown) pair(shown, said);
  before.childNodes.forEach((child, index) => renew(child, said.childNodes[index]));
}

// `said` becomes what is remembered: nobody else may change it.
export function morph(shown, said) {
  const before = saidOf.get(shown);
  if (before?.isEqualNode(said)) {
    renew(before, said);
    return;
  }
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.data !== said.data) shown.data = said.data;
  } else {
    morphAttributes(shown, before ?? shown, said);
    morphChildren(shown, before, said);
  }
  pair(shown, said);
}

function morphAttributes(shown, before, said) {
  for (const name of new Set([...before.getAttributeNames(), ...said.getAttributeNames()])) {
    const value = said.getAttribute(name);
    if (value === before.getAttribute(name)) continue;
    if (value === null) shown.removeAttribute(name);
    else shown.setAttribute(name, value);
  }
}

function morphChildren(shown, before, said) {
  const [old, fresh] = [[...shown.childNodes], [...said.childNodes]];
  if (before?.childNodes.length === fresh.length && fresh.every((node, index) => node.isEqualNode(before.childNodes[index]))) {
    fresh.forEach((node, index) => renew(before.childNodes[index], node));
    return;
  }
  const found = matches(old, fresh);
  const kept = new Set(found.filter(Boolean));
  for (const node of old) if (!kept.has(node)) node.remove();
  const still = inOrder(found.map((node) => old.indexOf(node)));
  let next = null;
  for (let index = fresh.length - 1; index >= 0; index -= 1) {
    let node = found[index];
    if (node) {
      if (!still.has(index)) move(shown, node, next);
      morph(node, fresh[index]);
    } else {
      node = document.importNode(fresh[index], true);
      remember(node, fresh[index]);
      shown.insertBefore(node, next);
    }
    next = node;
  }
}

function move(parent, node, next) {
  if (parent.moveBefore) parent.moveBefore(node, next); // keeps focus
  else parent.insertBefore(node, next);
}

// For each fresh node the shown one that it is: the one of the same key, else the next of its kind.
function matches(old, fresh) {
  const waiting = new Map();
  for (const node of old) {
    const key = keyOf(node);
    if (!waiting.has(key)) waiting.set(key, []);
    waiting.get(key).push(node);
  }
  return fresh.map((node) => waiting.get(keyOf(node))?.shift() ?? null);
}

function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return node.nodeName;
  const own = node.id || node.dataset.key || rowKey(node) || (node.getAttribute("class") ?? "").split(" ")[0];
  return `${node.nodeName} ${own}`;
}

function rowKey(node) {
  if (node.nodeName !== "TR") return "";
  return node.querySelector(":scope > th[scope=row] a")?.getAttribute("href") ?? "";
}

// The longest run of places that need not move, as a set of indexes into `places` (-1: a new node).
function inOrder(places) {
  const runs = places.map((place, index) => ({ index, place, length: 1, before: null }));
  let best = null;
  for (const run of runs) {
    if (run.place < 0) continue;
    for (const other of runs.slice(0, run.index)) {
      if (other.place < 0 || other.place > run.place || other.length < run.length) continue;
      run.length = other.length + 1;
      run.before = other;
    }
    if (!best || run.length > best.length) best = run;
  }
  const still = new Set();
  for (let run = best; run; run = run.before) still.add(run.index);
  return still;
}
