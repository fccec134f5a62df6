// Pause, resume, stop, delete: ask the server, and say what came of it. What cannot be undone asks first.
import { announce } from "/static/small.js";
import { ANSWERS_WITHIN_MS } from "/static/timing.js";

export function bindActions() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-action]");
    if (!button || button.disabled) return;
    if (button.dataset.question && !(await confirmed(button))) return;
    button.disabled = true;
    announce(`${button.textContent}: asking`);
    try {
      const signal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
      const response = await fetch(button.dataset.action, { method: button.dataset.method || "POST", signal });
      if (!response.ok) throw new Error(await reason(response));
      if (button.dataset.then) {
        location.assign(button.dataset.then);
        return;
      }
      announce(`${button.textContent}: asked for`);
    } catch (error) {
      await tell(lament(error));
    }
    button.disabled = false;
    document.dispatchEvent(new CustomEvent("hf-changed", { detail: { kinds: ["study"] } }));
  });
}

// A form whose numbers are POSTed as JSON; a key sees to it that a second click asks for nothing new.
export function bindPosts() {
  const keys = new WeakMap();
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-post]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    const refused = form.querySelector(".refused");
    if (!keys.has(form)) keys.set(form, crypto.randomUUID?.() ?? String(Math.random()).slice(2));
    button.disabled = true;
    refused.textContent = "";
    try {
      const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]));
      const response = await fetch(form.dataset.post, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": keys.get(form) },
        body: JSON.stringify(fields),
        signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
      });
      if (!response.ok) {
        keys.delete(form); // what was refused may be asked again in another way
        throw new Error(await reason(response));
      }
      location.reload(); // it lives again: the page with its stream is the server's
    } catch (error) {
      refused.textContent = lament(error);
      button.disabled = false;
    }
  });
}

function lament(error) {
  if (error.name !== "TimeoutError") return `This did not work: ${error.message}`;
  return `The server has not answered within ${ANSWERS_WITHIN_MS / 1000} s. It may still do what it was asked; asking again does no harm.`;
}

async function reason(response) {
  try {
    const problem = await response.json();
    return problem.remedy ? `${problem.detail} (${problem.remedy})` : problem.detail;
  } catch {
    return `the server answered ${response.status}`;
  }
}

function confirmed(button) {
  return ask(button.dataset.question, [["no", button.dataset.keep || "Keep it running", ""], ["yes", button.textContent, "danger"]])
    .then((answer) => answer === "yes");
}

function tell(text) {
  return ask(text, [["ok", "Close", ""]]);
}

function ask(text, answers) {
  const dialog = document.createElement("dialog");
  const words = document.createElement("p");
  words.textContent = text;
  words.id = "dialog-text";
  dialog.setAttribute("aria-labelledby", words.id);
  const form = document.createElement("form");
  form.method = "dialog";
  const row = document.createElement("div");
  for (const [value, label, kind] of answers) {
    const button = document.createElement("button");
    Object.assign(button, { value, textContent: label, className: kind });
    row.append(button);
  }
  form.append(row);
  dialog.append(words, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
