// Small things: copying, ages, words for screen readers.

const STEPS = [[86400, "d"], [3600, "h"], [60, "min"]];

export function announce(text) {
  const place = document.getElementById("announcer");
  if (place) place.textContent = text;
}

export function bindCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    const copied = await copy(source);
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    announce(copied ? "Copied" : "The text is selected: press Ctrl+C");
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    // No permission: select the text, so that the person can copy it.
    getSelection().selectAllChildren(source);
    return false;
  }
}

export function keepAges() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) time.textContent = age(time.dateTime);
  }, 30000);
}

function age(moment) {
  const seconds = (Date.now() - Date.parse(moment)) / 1000;
  for (const [size, unit] of STEPS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return "just now";
}
