// What makes the pictures of a trial a pleasure: a slider over its epochs, a look at the sample
// behind a point of the latent space.
import { write } from "/static/texts.js";

const SLIDER_ROOM = 90; // as in figures/moments.py: what the slider of a figure alone takes
const PLAY_MS = 700;
const PREVIEW_SIDE = 96;
const places = new WeakMap();

// The served figure at the place where its slider stands; the native slider is made or renewed.
export function atItsPlace(element, served) {
  const slider = served.layout.sliders?.[0];
  if (!slider) {
    places.get(element)?.bar.remove();
    places.delete(element);
    return served;
  }
  const place = places.get(element) ?? makeBar(element, slider);
  keepPlace(place, slider);
  const { sliders, ...rest } = served.layout;
  const figure = structuredClone({ data: served.data, layout: rest });
  figure.layout.height -= SLIDER_ROOM;
  figure.layout.margin.b -= SLIDER_ROOM;
  const [changes, layout, traces] = slider.steps[place.index].args;
  for (const [path, values] of Object.entries(changes)) {
    for (const [at, value] of values.entries()) {
      if (value !== null) put(figure.data[traces[at]], path, value);
    }
  }
  for (const [path, value] of Object.entries(layout)) put(figure.layout, path, value);
  return figure;
}

// `annotations[3].text`
function put(object, path, value) {
  const names = path.split(/[.[\]]+/);
  const last = names.pop();
  for (const name of names) object = object[name];
  object[last] = value;
}

function makeBar(element, slider) {
  const bar = document.createElement("div");
  bar.className = "slide";
  const play = document.createElement("button");
  Object.assign(play, { type: "button", className: "quiet", textContent: "Play" });
  const label = document.createElement("label");
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: 0, step: 1, id: `slide-${element.dataset.name}` });
  const said = document.createElement("output");
  said.htmlFor = range.id;
  label.append("Epoch", range);
  bar.append(play, label, said);
  element.plot.before(bar);
  const place = { bar, play, range, said, index: slider.active, label: fromAddress(), steps: slider.steps, timer: 0 };
  const move = (index) => {
    place.index = index;
    place.label = nameOf(place.steps[index]);
    toAddress(index === place.home ? null : place.label);
    show(place);
    element.draw();
  };
  range.addEventListener("input", () => { stop(place); move(Number(range.value)); });
  play.addEventListener("click", () => {
    if (place.timer) { stop(place); return; }
    if (place.index === place.steps.length - 1) move(0);
    play.textContent = "Pause";
    place.timer = setInterval(() => {
      if (place.index >= place.steps.length - 1 || !bar.isConnected) stop(place);
      else move(place.index + 1);
    }, PLAY_MS);
  });
  places.set(element, place);
  return place;
}

// Where the person left it, also when the served figure has changed since.
function keepPlace(place, slider) {
  place.steps = slider.steps;
  place.home = slider.active;
  const exact = slider.steps.findIndex((step) => nameOf(step) === place.label);
  const found = exact < 0 ? slider.steps.findIndex((step) => nameOf(step).startsWith(`${place.label}-`)) : exact;
  place.index = found < 0 ? slider.active : found;
  place.label = found < 0 ? null : place.label;
  show(place);
}

function show(place) {
  const said = place.steps[place.index].value;
  place.range.max = place.steps.length - 1;
  place.range.value = place.index;
  place.range.setAttribute("aria-valuetext", said);
  if (place.said.textContent !== said) place.said.textContent = said;
}

function stop(place) {
  clearInterval(place.timer);
  place.timer = 0;
  place.play.textContent = "Play";
}

// `12-best` of `12 (best)`: the best and the last epoch may be the same.
function nameOf(step) {
  return step.label.replaceAll(/[()]/g, "").replaceAll(" ", "-");
}

function fromAddress() {
  return new URL(location.href).searchParams.get("epoch");
}

function toAddress(epoch) {
  const address = new URL(location.href);
  if (epoch === null) address.searchParams.delete("epoch");
  else address.searchParams.set("epoch", epoch);
  history.replaceState(history.state, "", address);
}

// What stands below a table of texts: how its marks are to be read.
export function legendOf(layout) {
  if (!layout.meta?.legend) return [];
  const legend = document.createElement("p");
  legend.className = "legend";
  write(legend, layout.meta.legend);
  return [legend];
}

// A floating thumbnail beside the point under the mouse; by keyboard a field that takes a sample's
// number. Everything is read from the figure at the moment of asking, so that updates change nothing.
export function bindPreview(element) {
  if (element.looksAt || !element.answer.figure.layout.meta?.preview) return;
  element.looksAt = true;
  const preview = document.createElement("div");
  preview.className = "preview";
  preview.setAttribute("aria-hidden", "true");
  preview.hidden = true;
  element.append(preview);
  const hide = () => { preview.hidden = true; };
  const look = (event) => {
    const point = event.points.find((item) => item.curveNumber === 0);
    if (!point || !paint(preview, element, point.pointNumber)) { hide(); return; }
    const box = point.bbox;
    const middle = (box.x0 + box.x1) / 2 - preview.offsetWidth / 2;
    const most = element.plot.clientWidth - preview.offsetWidth;
    preview.style.left = `${element.plot.offsetLeft + Math.max(0, Math.min(most, middle))}px`;
    const above = box.y0 - preview.offsetHeight - 10;
    preview.style.top = `${element.plot.offsetTop + (above < 0 ? box.y1 + 10 : above)}px`;
  };
  element.plot.on("plotly_hover", look);
  element.plot.on("plotly_click", look); // a finger does not hover
  element.plot.on("plotly_unhover", hide);
  element.plot.addEventListener("mouseleave", hide);
  addEventListener("scroll", hide, { passive: true });
  element.plot.before(makeField(element));
}

// Whether there is a picture of the point.
function paint(preview, element, index) {
  const sprite = element.answer.figure.layout.meta.sprite;
  const known = sprite?.count ?? 0;
  if (index >= known) return false;
  const scale = Math.max(1, Math.floor(PREVIEW_SIDE / Math.max(sprite.width, sprite.height)));
  const [width, height] = [sprite.width * scale, sprite.height * scale];
  const column = index % sprite.columns;
  const row = Math.floor(index / sprite.columns);
  Object.assign(preview.style, {
    width: `${width}px`,
    height: `${height}px`,
    backgroundImage: `url("${sprite.source}")`,
    backgroundSize: `${width * sprite.columns}px auto`,
    backgroundPosition: `-${column * width}px -${row * height}px`,
  });
  preview.hidden = false;
  return true;
}

function makeField(element) {
  const bar = document.createElement("div");
  bar.className = "slide";
  const label = document.createElement("label");
  const field = document.createElement("input");
  const trace = () => element.answer.figure.data[0];
  Object.assign(field, { type: "number", min: 0, max: trace().customdata.at(-1)[0], step: 1 });
  label.append("Look at validation sample", field);
  const inline = document.createElement("span");
  inline.className = "inline-preview";
  inline.setAttribute("aria-hidden", "true");
  inline.hidden = true;
  const said = document.createElement("output");
  bar.append(label, inline, said);
  field.addEventListener("input", () => {
    const index = field.value === "" ? -1 : trace().customdata.findIndex(([sample]) => sample === Number(field.value));
    inline.hidden = true;
    if (index < 0) {
      said.textContent = field.value === "" ? "" : "not among those that are drawn";
      window.Plotly.Fx.unhover(element.plot);
      return;
    }
    paint(inline, element, index);
    const place = `at ${trace().x[index].toPrecision(3)}, ${trace().y[index].toPrecision(3)}`;
    const what = document.createElement("span");
    write(what, trace().text?.[index] ?? "");
    said.replaceChildren(what, what.textContent ? ` (${place})` : place);
    window.Plotly.Fx.hover(element.plot, [{ curveNumber: 0, pointNumber: index }]);
  });
  return bar;
}
