// When work is done: not too often, and never twice at a time.

// A page that waits for an answer for ever would look alive and be dead.
export const ANSWERS_WITHIN_MS = 15_000;
const NOT_PAINTED_MS = 150;

// Calls `work` soon, at most once in `every` ms; what is called meanwhile comes after it, once.
export function throttled(work, every) {
  let last = 0, timer = 0, running = false, again = false;
  const run = async () => {
    timer = 0;
    running = true;
    try { await work(); } catch (error) { console.debug("refresh failed:", error.message); }
    running = false;
    last = Date.now();
    if (again) { again = false; call(); }
  };
  const call = () => {
    if (running) { again = true; return; }
    if (!timer) timer = setTimeout(run, Math.max(0, last + every - Date.now()));
  };
  return call;
}

// What `work` comes to; an error, where it has not come to anything after so long.
export function within(work, ms, what) {
  let timer = 0;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} after ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

// After the browser has painted; a hidden page is not painted and does not wait.
export function painted() {
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, NOT_PAINTED_MS);
  });
}
