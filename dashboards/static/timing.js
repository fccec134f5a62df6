// When work is done: not too often, and never twice at a time.

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
