// Fits a figure to the page: colours from the style sheet, panels in one column on a phone.
// The server's layout is for any reader; only what depends on this page is changed here.

const NARROW = 560;
const PANEL_HEIGHT = 230;
const PANEL_GAP = 70;
const LEGEND_LINE = 29;

export function fitToPage(served, width) {
  const layout = structuredClone(served);
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  delete layout.title; // the heading above says it
  layout.margin = { ...layout.margin, t: 12 };
  layout.font = { ...layout.font, color: color("--text") };
  layout.hoverlabel = { bgcolor: color("--surface"), bordercolor: color("--line"), font: { color: color("--text") } };
  layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: color("--muted"), activecolor: color("--accent") };
  for (const [name, axis] of Object.entries(layout)) {
    if (!/^[xy]axis\d*$/.test(name)) continue;
    Object.assign(axis, { gridcolor: color("--grid"), linecolor: color("--line"), tickcolor: color("--line") });
    axis.tickfont = { ...axis.tickfont, color: color("--muted") };
  }
  for (const note of layout.annotations ?? []) note.font = { color: color("--muted"), ...note.font };
  const narrow = width < NARROW;
  if (layout.meta?.panels) layOutPanels(layout, narrow ? 1 : width < 900 ? 2 : width < 1100 ? 3 : 4, width);
  if (layout.meta?.strips) layOutStrips(layout, width);
  placeLegend(layout);
  if (narrow) {
    layout.margin = { ...layout.margin, l: Math.min(layout.margin.l, 48), r: 8 };
    layout.dragmode = false; // a finger that moves over a figure scrolls the page
  }
  return layout;
}

// Below the axes, where it cannot run into the data whatever its number of lines.
function placeLegend(layout) {
  if (layout.showlegend === false) return;
  const space = layout.height - (layout.margin.t ?? 0) - (layout.margin.b ?? 0);
  layout.legend = { ...layout.legend, y: -64 / space, yanchor: "top", x: 0 };
}

function layOutPanels(layout, most, room) {
  const count = layout.meta.panels;
  const columns = columnsFor(count, most);
  const rows = Math.ceil(count / columns);
  const height = rows * PANEL_HEIGHT + (rows - 1) * PANEL_GAP;
  const shared = sharedTitle(layout, count);
  // The numbers of the next panel's axis stand in the gap; so does its title where it has one.
  const gap = columns === 1 ? 0 : shared ? Math.max(0.05, 58 / room) : Math.max(0.08, 82 / room);
  const width = (1 - gap * (columns - 1)) / columns;
  for (let index = 0; index < count; index += 1) {
    const suffix = index ? index + 1 : "";
    const left = (index % columns) * (width + gap);
    const top = Math.floor(index / columns) * (PANEL_HEIGHT + PANEL_GAP) / height;
    layout[`xaxis${suffix}`].domain = [left, Math.min(1, left + width)];
    layout[`yaxis${suffix}`].domain = [Math.max(0, 1 - top - PANEL_HEIGHT / height), 1 - top];
    if (shared && index % columns) layout[`yaxis${suffix}`].title = { text: "" };
  }
  layout.height = height + 130;
  // A legend of many lines (a phone) does not take its room from the axes.
  const lines = columns === 1 && room < NARROW ? Math.max(0, (layout.meta.legend ?? 0) - 2) : 0;
  layout.margin = { ...layout.margin, b: (layout.margin.b ?? 0) + lines * LEGEND_LINE };
  layout.height += lines * LEGEND_LINE;
}

// As many columns as leave the fewest holes; more of them when it comes to the same.
function columnsFor(count, most) {
  let best = 1;
  let fewest = Infinity;
  const widest = Math.min(most, count);
  for (let columns = widest; columns >= Math.max(Math.min(2, widest), widest / 2); columns -= 1) {
    const holes = Math.ceil(count / columns) * columns - count;
    if (holes < fewest) [best, fewest] = [columns, holes];
  }
  return best;
}

// Whether all panels have the same y axis: then it is named at the left of a row only.
function sharedTitle(layout, count) {
  const titles = new Set();
  for (let index = 0; index < count; index += 1) titles.add(layout[`yaxis${index ? index + 1 : ""}`].title?.text);
  return titles.size === 1;
}

function layOutStrips(layout, width) {
  const { ratio, labels } = layout.meta.strips;
  const row = (width - (layout.margin.l ?? 0) - (layout.margin.r ?? 0)) * ratio;
  const height = labels.reduce((sum, label) => sum + row + label, 0);
  let place = 0;
  for (const [index, label] of labels.entries()) {
    const top = 1 - (place + label) / height;
    place += row + label;
    layout[`yaxis${index ? index + 1 : ""}`].domain = [Math.max(0, 1 - place / height), top];
    layout.annotations[index].y = top;
  }
  layout.height = height + (layout.margin.t ?? 0) + (layout.margin.b ?? 0);
}
