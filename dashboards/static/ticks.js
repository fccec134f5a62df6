// Ticked trials of a study: kept while one pages, sorts and filters, and sent to the comparison.

const MOST = 6;

export function bindTicks() {
  const form = document.getElementById("compare-trials");
  if (!form) return;
  const key = `hf-ticked-${form.dataset.study}`;
  const ticked = new Set(JSON.parse(sessionStorage.getItem(key) ?? "[]"));
  const words = form.querySelector(".ticked");
  const button = form.querySelector("button");

  const show = () => {
    for (const box of document.querySelectorAll('input[form="compare-trials"]')) {
      box.checked = ticked.has(box.value);
      box.disabled = !box.checked && ticked.size >= MOST;
    }
    button.disabled = ticked.size < 2;
    const names = [...ticked].map(Number).sort((a, b) => a - b).join(", ");
    words.textContent = ticked.size ? `Ticked: ${names}${ticked.size < 2 ? "; tick one more" : ""}${ticked.size >= MOST ? " (six at most)" : ""}.` : "Tick two to six trials.";
  };

  document.addEventListener("change", (event) => {
    if (!event.target.matches('input[form="compare-trials"]')) return;
    if (event.target.checked) ticked.add(event.target.value);
    else ticked.delete(event.target.value);
    sessionStorage.setItem(key, JSON.stringify([...ticked]));
    show();
  });
  // Rows that arrive with an update show what was ticked before.
  new MutationObserver(show).observe(document.querySelector('[data-live="trials"]'), { childList: true, subtree: true });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const query = [...ticked].map((number) => `trials=${number}`).join("&");
    location.assign(`${form.action}?${query}`);
  });
  show();
}
