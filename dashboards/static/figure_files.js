// The links below a figure: what the server says that it can be had as, for papers and notebooks.

const NAMES = { csv: "CSV", png: "PNG", svg: "SVG", html: "HTML" };

export function showFiles(figure, answer) {
  const formats = (answer.formats ?? []).filter((format) => NAMES[format]);
  let line = figure.querySelector(".files");
  if (!formats.length) {
    line?.remove();
    return;
  }
  if (line?.dataset.formats === formats.join()) return; // a link that has the focus keeps it
  if (!line) {
    line = document.createElement("p");
    line.className = "files";
    figure.append(line);
  }
  line.dataset.formats = formats.join();
  line.replaceChildren("Take it as ");
  for (const format of formats) {
    const address = new URL(figure.dataset.src, location.href);
    address.searchParams.set("format", format);
    const link = document.createElement("a");
    link.href = address;
    link.download = ""; // the server names the file
    link.textContent = NAMES[format];
    link.setAttribute("aria-label", `${NAMES[format]} of: ${answer.title}`);
    line.append(link, " ");
  }
}
