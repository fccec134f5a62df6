// "In short" of a large study is computed while the page is already there, and holds for a while: look
// again when the server says that there may be a newer one.
let timer = 0;

export function awaitSummary() {
  clearTimeout(timer);
  const again = document.querySelector("#summary[data-again]")?.dataset.again;
  if (again === undefined) return;
  timer = setTimeout(() => {
    document.dispatchEvent(new CustomEvent("hf-changed", { detail: { kinds: ["study"] } }));
  }, 1000 * Number(again));
}
