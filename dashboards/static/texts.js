// A figure of texts as a table that wraps and can be selected. Its cells hold text and a few tags of
// Plotly's: <s> was deleted, <u> inserted, <i> holds both where one was replaced by the other; the
// colours of <span> are for figures that stand alone.

const MARKUP = /<(\/?)(b|s|u|i|span)(?: style="color:#[0-9a-f]{6}")?>/g;
const ELEMENTS = { b: "b", s: "del", u: "ins", i: "span", span: "span" };
const NAMES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&#123;": "{", "&#36;": "$" };

export function tableOfTexts(trace) {
  const table = document.createElement("table");
  const body = document.createElement("tbody");
  const columns = trace.cells.values;
  const head = document.createElement("thead");
  head.append(rowOf("th", trace.header.values));
  for (let index = 0; index < columns[0].length; index += 1) {
    body.append(rowOf("td", columns.map((column) => column[index])));
  }
  table.append(head, body);
  return table;
}

function rowOf(kind, texts) {
  const row = document.createElement("tr");
  for (const [index, text] of texts.entries()) {
    const cell = document.createElement(index === 0 && kind === "td" ? "th" : kind);
    if (cell.tagName === "TH") cell.scope = kind === "th" ? "col" : "row";
    write(cell, String(text));
    if (kind === "th" && !cell.textContent) cell.append(unseen("Sample"));
    row.append(cell);
  }
  return row;
}

function unseen(text) {
  return Object.assign(document.createElement("span"), { className: "unseen", textContent: text });
}

// Never as markup of the page: what is no known tag stays a text.
export function write(cell, text) {
  let place = cell;
  let from = 0;
  for (const found of text.matchAll(MARKUP)) {
    place.append(plain(text.slice(from, found.index)));
    if (!found[1]) {
      place = place.appendChild(document.createElement(ELEMENTS[found[2]]));
      if (found[2] === "i") place.className = "swap";
    } else if (place !== cell) {
      place = place.parentNode;
    }
    from = found.index + found[0].length;
  }
  place.append(plain(text.slice(from)));
}

function plain(text) {
  return text.replace(/&(?:lt|gt|amp|#123|#36);/g, (name) => NAMES[name]);
}
