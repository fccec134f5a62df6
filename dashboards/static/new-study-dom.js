// Elements from values, and the page changed to be like them: focus, cursor and open parts stay.

// h("label", { for: "x", on: { input: f } }, "text", node, [nodes]); null, false and "" make nothing.
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") node.handlers = value;
    else if (name === "value" || name === "checked") node.wanted = { ...node.wanted, [name]: value };
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") node.append(child);
  }
  applyWanted(node);
  return node;
}

// Text with `code` in backquotes, as descriptions are written.
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

export function listen(root) {
  for (const type of ["input", "change", "click"]) {
    root.addEventListener(type, (event) => {
      const target = event.target.closest(type === "click" ? "button" : "input, select, textarea");
      target?.handlers?.[type]?.(target, event);
    });
  }
}

export function become(place, next) {
  place.handlers = next.handlers;
  place.wanted = next.wanted;
  for (const { name } of [...place.attributes]) {
    if (!next.hasAttribute(name) && name !== "open") place.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name !== "open" && place.getAttribute(name) !== value) place.setAttribute(name, value);
  }
  becomeChildren(place, next);
  applyWanted(place);
}

export function becomeChildren(place, next) {
  const named = new Map([...place.children].filter((child) => child.id).map((child) => [child.id, child]));
  let cursor = place.firstChild;
  for (const child of [...next.childNodes]) {
    const match = child.id ? named.get(child.id) : cursor && !cursor.id ? cursor : null;
    if (!match || match.nodeName !== child.nodeName) {
      place.insertBefore(child, cursor);
      continue;
    }
    if (match === cursor) cursor = cursor.nextSibling;
    else place.insertBefore(match, cursor);
    if (match.nodeType === Node.ELEMENT_NODE) become(match, child);
    else if (match.data !== child.data) match.data = child.data;
  }
  while (cursor) {
    const rest = cursor.nextSibling;
    cursor.remove();
    cursor = rest;
  }
}

function applyWanted(node) {
  if (!node.wanted) return;
  const { value, checked } = node.wanted;
  if (checked !== undefined) node.checked = checked;
  // Whoever types is not interrupted: the value is taken from what they type.
  if (value === undefined || node.value === value) return;
  if (node.tagName !== "SELECT" && node === document.activeElement) return;
  node.value = value;
}
