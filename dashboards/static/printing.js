// What is printed is whole: figures that were never scrolled near are drawn first, all of them light
// and as wide as the paper. A browser waits for nothing once its own dialog opens, so the keys that
// open it are answered here; from a menu, figures that were not drawn by then are on the next print.
import { drawForPaper } from "/static/figures.js";

async function makeReady() {
  document.documentElement.dataset.paper = "yes";
  await drawForPaper();
}

function goBack() {
  delete document.documentElement.dataset.paper;
  drawForPaper();
}

export function bindPrinting() {
  addEventListener("beforeprint", makeReady);
  addEventListener("afterprint", goBack);
  addEventListener("keydown", async (event) => {
    if (event.key.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    try {
      await makeReady();
    } finally {
      print();
    }
  });
}
