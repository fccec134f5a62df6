// New study: form and YAML are two views of one document; the YAML is what is sent.
import { announce } from "/static/small.js";
import { bindErrorLinks, showAnswer } from "/static/new-study-answer.js";
import { Checker, errorsOf, post, said, TAKEN_WITHIN_MS } from "/static/new-study-check.js";
import { become, listen } from "/static/new-study-dom.js";
import { Draft } from "/static/new-study-draft.js";
import { drawForm, staysEmpty } from "/static/new-study-form.js";
import { Memory } from "/static/new-study-memory.js";
import { noteDefaults } from "/static/new-study-space.js";
import { isObject, parseDocument, withValue, writeYaml } from "/static/new-study-values.js";
import { ANSWERS_WITHIN_MS } from "/static/timing.js";

class NewStudy {
  constructor(yaml, draft, known) {
    this.yaml = yaml;
    this.button = document.getElementById("submit");
    this.draft = draft;
    // The default searches, as far as the server has told them, and what choices held before.
    this.known = { ...known, defaults: new Map(), memory: new Memory() };
    this.state = { document: {}, shown: false, errors: [], data: null, preview: null, waiting: true, trouble: "", readable: true };
    this.checker = new Checker((answer) => this.take(answer));
    this.sending = false;
    this.typed = true; // the text comes from a person: the form follows it
    listen(document.getElementById("form-place"));
    this.yaml.addEventListener("input", () => this.type());
    this.yaml.addEventListener("change", () => this.state.waiting && this.checker.soon(this.yaml.value, 0));
    document.getElementById("new-study").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    document.getElementById("start-anew").addEventListener("click", () => this.startAnew());
    document.getElementById("use-form").addEventListener("click", () => this.edit("", this.state.document));
    bindErrorLinks();
    // Back from the study that was made: the page as it was would send it again.
    addEventListener("pageshow", (event) => { if (event.persisted && this.draft.leaving) location.reload(); });
    this.checker.soon(this.draft.text, 0);
    if (this.draft.read && this.draft.read !== this.draft.text) this.recall(this.draft.read);
  }

  // A draft that cannot be read comes back: the form shows what it showed.
  async recall(text) {
    try {
      const { body } = await post("/studies/new/check", text);
      if (this.state.shown || !isObject(body.document)) return;
      noteDefaults(this.known.defaults, body);
      Object.assign(this.state, { document: body.document, shown: true });
      if (!this.state.waiting) this.draw();
    } catch {
      // The draft itself is there; without the form's text before it is mended by hand.
    }
  }

  get form() {
    return {
      ...this.known, ...this.state,
      latest: () => this.state.document,
      edit: (pointer, value, quiet = false) => this.edit(pointer, value, quiet),
    };
  }

  // From the form.
  edit(pointer, value, quiet) {
    this.state.document = withValue(this.state.document, pointer, value, staysEmpty);
    if (quiet) return;
    this.typed = false;
    this.yaml.value = writeYaml(this.state.document);
    this.wrote();
    this.draw();
  }

  // From the editor.
  type() {
    this.typed = true;
    this.known.memory.clear();
    // Until the server has read it the form shows the text before: a change there would undo this one.
    document.getElementById("form-place").disabled = true;
    this.wrote();
    showAnswer(this.state);
  }

  wrote() {
    this.state.waiting = true;
    document.getElementById("refused").hidden = true;
    this.draft.keep(this.yaml.value);
    this.checker.soon(this.yaml.value);
  }

  take(answer) {
    if (answer.text !== this.yaml.value) return; // something was typed since
    if (answer.trouble) {
      Object.assign(this.state, { trouble: answer.trouble });
      showAnswer(this.state);
      return;
    }
    const before = this.state.errors.length;
    const readable = isObject(answer.document);
    Object.assign(this.state, {
      trouble: "", waiting: false, readable, errors: answer.errors, data: answer.data ?? (readable ? null : this.state.data),
      preview: answer.preview ?? this.state.preview, refused: "",
    });
    if (readable) {
      noteDefaults(this.known.defaults, answer);
      this.draft.wasRead(answer.text);
      if (this.typed) Object.assign(this.state, { document: answer.document, shown: true });
    }
    this.draw();
    const count = answer.errors.length;
    if (count !== before || !this.said) announce(count ? `${count} to mend` : `Ready to submit, ${answer.preview.warnings.length} warnings`);
    this.said = true;
  }

  draw() {
    const place = document.getElementById("form-place");
    const next = drawForm(this.form);
    const shown = document.getElementById("form");
    if (shown) become(shown, next);
    else place.replaceChildren(next);
    // What was typed into a field is mended there, whatever it makes of the whole.
    const lost = !this.state.readable && this.typed;
    place.disabled = lost || this.sending;
    place.classList.toggle("unreadable", lost);
    document.getElementById("unreadable").hidden = !lost;
    document.getElementById("from-before").hidden = !this.state.shown;
    this.yaml.rows = Math.min(24, Math.max(8, this.yaml.value.split("\n").length + 1));
    showAnswer(this.state);
  }

  startAnew() {
    this.yaml.value = this.draft.initial;
    this.draft.renewKey();
    this.type();
    this.checker.soon(this.yaml.value, 0);
    document.getElementById("restored").hidden = true;
    this.yaml.focus();
  }

  // What is sent is what stays on the page until the answer.
  send(on) {
    this.sending = on;
    this.yaml.readOnly = on;
    this.button.disabled = on;
    this.button.textContent = on ? "Sending" : "Submit the study";
    const place = document.getElementById("form-place");
    place.disabled = on || (this.typed && (this.state.waiting || !this.state.readable));
    if (!on && document.activeElement === document.body) this.button.focus();
  }

  async submit() {
    if (this.sending) return;
    this.send(true);
    this.draft.write(); // a reload that sends again is the same draft
    try {
      const { response, body } = await post("/v1/studies", this.yaml.value, {
        headers: { "Idempotency-Key": this.draft.key }, within: TAKEN_WITHIN_MS,
      });
      if (response.status === 201) {
        this.draft.forget();
        location.assign(`/studies/${encodeURIComponent(body.id)}`);
        return;
      }
      this.send(false);
      this.refuse(response.status, body);
    } catch {
      this.send(false);
      this.tell("The server does not answer. Nothing is lost: submit again when it is back; sending twice makes one study.");
    }
  }

  refuse(status, body) {
    if (status === 409) {
      // An earlier sending of this draft came through, and the text has changed since.
      this.draft.renewKey();
      this.tell("This draft was sent before, and made a study: see the list. Submit again to make another one.");
      return;
    }
    if (Array.isArray(body.errors) && body.errors.length) {
      Object.assign(this.state, { errors: errorsOf(body, status), waiting: false });
      this.draw();
      this.tell("It was not taken: mend what is marked, and submit again.");
      document.getElementById("problem-0")?.focus();
      return;
    }
    this.tell(`It was not taken. ${said(body, status)}`);
  }

  tell(text) {
    const place = document.getElementById("refused");
    place.textContent = text;
    place.hidden = false;
  }
}

async function start() {
  const failed = document.getElementById("not-loaded");
  const yaml = document.getElementById("yaml");
  // Before the form: what is typed meanwhile stays, too.
  const draft = new Draft(yaml.defaultValue, yaml.value);
  yaml.value = draft.text;
  document.getElementById("restored").hidden = !draft.restored;
  const keep = () => draft.keep(yaml.value);
  yaml.addEventListener("input", keep);
  try {
    const response = await fetch("/studies/new/form", { cache: "no-store", signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const known = parseDocument(await response.text());
    yaml.removeEventListener("input", keep);
    const study = new NewStudy(yaml, draft, known);
    document.body.dataset.ready = "yes";
    return study;
  } catch (error) {
    failed.hidden = false;
    failed.querySelector(".reason").textContent = error.message;
    return null;
  }
}

start();
