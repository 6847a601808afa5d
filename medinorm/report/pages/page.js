// Save a text as a file, by a link that is not on the page.
const saveAs = (name, text, kind) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

const button = (text, name, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = text;
  made.setAttribute("aria-label", name);
  made.addEventListener("click", act);
  return made;
};

const fileName = (text, ending) =>
  `${text.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "figure"}.${ending}`;

// A table as CSV: the rows as they are sorted; numbers with all their digits, intervals
// and remarks in columns of their own. A text that a spreadsheet would take for a
// formula begins with an apostrophe.
const tableAsCsv = (table) => {
  const own = (cell) => [...cell.childNodes].filter((node) => !(node.classList && node.classList.contains("detail")));
  const text = (nodes) => nodes.map((node) => node.textContent).join(" ").replace(/[\u2066-\u2069]/g, "").replace(/\s+/g, " ").trim();
  const detail = (cell) => text([...cell.querySelectorAll(".detail")]);
  const isNumber = (shown) => /^[-\u2212+]?[\d,]*\.?\d+$/.test(shown);
  const value = (cell) => {
    const shown = text(own(cell));
    return isNumber(shown) && cell.dataset.sort && isFinite(cell.dataset.sort) ? cell.dataset.sort : shown;
  };
  const safe = (shown) => (/^[=+\-@\t\r]/.test(shown) && !isNumber(shown) ? `'${shown}` : shown);
  const quoted = (shown) => `"${safe(shown).replaceAll('"', '""')}"`;
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  const heads = [...table.tHead.rows[0].cells].map((head) => text([...head.childNodes]));
  const more = heads.map((_, column) => rows.some((cells) => cells[column] && detail(cells[column])));
  const spread = (values, details) => values.flatMap((shown, column) => (more[column] ? [shown, details[column]] : [shown]));
  const lines = [
    spread(heads, heads.map((head) => `${head}: more`)),
    ...rows.map((cells) => spread(cells.map(value), cells.map(detail))),
  ];
  return lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
};

document.querySelectorAll("table").forEach((table) => {
  if (!table.tHead || !table.tBodies[0].rows.length) return;
  const caption = table.caption ? table.caption.textContent : table.closest("[aria-label]").getAttribute("aria-label");
  const name = caption.slice(0, 80).trim();
  const save = () => saveAs(fileName(name, "csv"), "\ufeff" + tableAsCsv(table), "text/csv");
  (table.closest(".scroll") || table).after(button("Save as CSV", `Save as CSV: ${name}`, save));
});

// What a figure shows, as one SVG: of several side by side, the ones that are visible.
const figureAsSvg = (figure) => {
  const shown = [...figure.querySelectorAll("svg[role=img]")].filter((svg) => svg.checkVisibility());
  const space = shown[0].namespaceURI;
  const whole = document.createElementNS(space, "svg");
  const paper = document.createElementNS(space, "rect");
  Object.entries({ width: "100%", height: "100%", fill: "#ffffff" }).forEach(([key, to]) => paper.setAttribute(key, to));
  whole.append(paper);
  let width = 0;
  let height = 0;
  shown.forEach((svg) => {
    const box = svg.viewBox.baseVal;
    const copy = svg.cloneNode(true);
    copy.setAttribute("x", width);
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    whole.append(copy);
    width += box.width + 8;
    height = Math.max(height, box.height);
  });
  whole.setAttribute("viewBox", `0 0 ${width} ${height}`);
  whole.setAttribute("width", width);
  whole.setAttribute("height", height);
  return new XMLSerializer().serializeToString(whole);
};

document.querySelectorAll("main figure").forEach((figure) => {
  const drawn = figure.querySelector("svg[role=img]");
  if (!drawn) return;
  const title = drawn.querySelector("title").textContent;
  const place = figure.closest("section");
  const own = [...place.querySelectorAll("figure")].indexOf(figure) + 1;
  const save = () => saveAs(fileName(`${place.id}-${own} ${title}`, "svg"), figureAsSvg(figure), "image/svg+xml");
  figure.append(button("Save as SVG", `Save as SVG: ${title}, ${own}`, save));
});

// Sort a table by a click on a head: numbers before absent ones, words by the alphabet.
document.querySelectorAll("table.sortable th button").forEach((button) => {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const table = head.closest("table");
    const column = [...head.parentElement.children].indexOf(head);
    const rising = head.getAttribute("aria-sort") !== "ascending";
    const numeric = head.classList.contains("numeric");
    const body = table.tBodies[0];
    const key = (row) => row.cells[column].dataset.sort;
    const compare = (a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      const order = numeric ? key(a) - key(b) : key(a).localeCompare(key(b));
      return rising ? order : -order;
    };
    body.append(...[...body.rows].sort(compare));
    table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  });
});
