// "In short" of a large study is computed while the page is already there: look again until it is.
const AGAIN_MS = 400;

export function awaitSummary() {
  if (!document.querySelector("#summary[data-pending]")) return;
  setTimeout(() => {
    document.dispatchEvent(new CustomEvent("hf-changed", { detail: { kinds: ["study"] } }));
    awaitSummary();
  }, AGAIN_MS);
}
