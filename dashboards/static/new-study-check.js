// The linter as one types: asked when a pause comes, the last answer wins, older ones are given up.
import { parseDocument } from "/static/new-study-values.js";
import { ANSWERS_WITHIN_MS } from "/static/timing.js";

const PAUSE_MS = 400;
const RETRY_MS = 5000;
const YAML = "application/yaml; charset=utf-8";
export const TAKEN_WITHIN_MS = 60_000; // a study that is submitted: its data may have to be looked at

export class Checker {
  // `tell` gets { text, preview, search, errors, data, document } of the newest text, or { text, trouble }.
  constructor(tell) {
    this.tell = tell;
    this.timer = 0;
    this.running = null;
    addEventListener("online", () => this.text !== undefined && this.soon(this.text, 0));
  }

  soon(text, pause = PAUSE_MS) {
    this.text = text;
    clearTimeout(this.timer);
    this.running?.abort();
    this.timer = setTimeout(() => this.ask(text), pause);
  }

  async ask(text) {
    const turn = new AbortController();
    this.running = turn;
    try {
      const { response, body } = await post("/studies/new/check", text, { signal: turn.signal });
      if (this.running !== turn) return;
      if (!response.ok) {
        this.tell({ text, trouble: said(body, response.status) });
        if (response.status >= 500) this.timer = setTimeout(() => this.ask(text), RETRY_MS);
        return;
      }
      this.tell({ text, ...body, errors: body.problem ? errorsOf(body.problem, body.problem.status) : [] });
    } catch (error) {
      if (error.name === "AbortError" || this.running !== turn) return;
      this.tell({ text, trouble: "The server does not answer: nothing is lost, and it is asked again." });
      this.timer = setTimeout(() => this.ask(text), RETRY_MS);
    }
  }
}

// Given up after a while, or when `signal` says so: a server that hangs is said to.
export async function post(address, text, { signal, headers = {}, within = ANSWERS_WITHIN_MS } = {}) {
  const late = AbortSignal.timeout(within);
  const response = await fetch(address, {
    method: "POST", body: text, signal: signal ? AbortSignal.any([signal, late]) : late,
    headers: { "Content-Type": YAML, ...headers },
  });
  const body = await response.text();
  return { response, body: readBody(body) };
}

function readBody(text) {
  try {
    return parseDocument(text);
  } catch {
    return {};
  }
}

export function errorsOf(body, status) {
  if (Array.isArray(body.errors) && body.errors.length) return body.errors;
  return [{ pointer: "", reason: said(body, status), remedy: "" }];
}

export function said(body, status) {
  if (!body.detail) return `The server answered ${status}.`;
  return body.remedy ? `${body.detail}: ${body.remedy}` : body.detail;
}
