
// Cards: filter, search on all pages, enlarge, rate.
(() => {
  const get = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll(".card")];
  const [domain, name, rating, note] = ["by-domain", "by-name", "by-rating", "by-note"].map(get);
  const index = JSON.parse(get("index").textContent);
  const prefix = `medinorm-rating:${document.body.dataset.study}:`;
  const MOST = 60; // links to other pages

  // A browser may refuse to keep anything; then ratings last as long as the page.
  const memory = new Map();
  let kept = true;
  try { localStorage.setItem(`${prefix}?`, ""); localStorage.removeItem(`${prefix}?`); } catch { kept = false; }
  const read = (scan) => {
    const text = kept ? localStorage.getItem(prefix + scan) : memory.get(scan);
    try { return JSON.parse(text) || {}; } catch { return {}; }
  };
  const write = (scan, own) => {
    const text = own.rating || own.note ? JSON.stringify(own) : null;
    if (!kept) { if (text) memory.set(scan, text); else memory.delete(scan); }
    else if (text) localStorage.setItem(prefix + scan, text);
    else localStorage.removeItem(prefix + scan);
  };
  const all = () => index.scans.flat().map(([scan]) => scan);
  const count = () => {
    const rated = all().filter((scan) => read(scan).rating).length;
    get("rated").textContent = `${rated} of ${all().length} rated` + (kept ? "" : "; this browser keeps no ratings: save them before you close the page");
  };

  const matches = (scan, of, noted) =>
    (domain.value === "" || of === domain.value) &&
    scan.toLowerCase().includes(name.value.trim().toLowerCase()) &&
    (!note.checked || noted) &&
    (rating.value === "" || (read(scan).rating || "-") === rating.value);

  const show = () => {
    cards.forEach((card) => {
      card.hidden = !matches(card.dataset.scan, card.dataset.domain, card.classList.contains("noted"));
    });
    const shown = cards.filter((card) => !card.hidden).length;
    get("shown").textContent = `${shown} of ${cards.length} shown`;
    const asked = domain.value || name.value.trim() || rating.value || note.checked;
    const links = [];
    let more = 0;
    index.scans.forEach((page, number) => {
      if (!asked || number === index.here) return;
      page.forEach(([scan, of, noted], place) => {
        if (!matches(scan, of, noted)) return;
        if (links.length === MOST) { more += 1; return; }
        const link = document.createElement("a");
        link.href = `${index.pages[number]}#card-${place + 1}`;
        link.textContent = `${scan} (page ${number + 1})`;
        const item = document.createElement("li");
        item.append(link);
        links.push(item);
      });
    });
    get("elsewhere").querySelector("ul").replaceChildren(...links);
    get("elsewhere").querySelector("h3").textContent = `${links.length + more} on other pages` + (more ? `, the first ${MOST}:` : ":");
    get("elsewhere").hidden = links.length === 0;
  };

  const rate = (card) => {
    const { scan } = card.dataset;
    const field = get("rate").content.cloneNode(true).firstElementChild;
    const radios = [...field.querySelectorAll("input[type=radio]")];
    const text = field.querySelector("input[type=text]");
    const own = read(scan);
    field.querySelector("legend span").textContent = ` of ${scan}`;
    text.setAttribute("aria-label", `Note on ${scan}`);
    text.value = own.note || "";
    const keep = () => {
      const chosen = radios.find((radio) => radio.checked);
      write(scan, { rating: chosen ? chosen.value : "", note: text.value.trim() });
      count();
    };
    radios.forEach((radio) => {
      radio.name = `rate-${card.id}`;
      radio.checked = radio.value === own.rating;
      radio.addEventListener("change", keep);
    });
    text.addEventListener("input", keep);
    field.querySelector("button").setAttribute("aria-label", `Clear the rating of ${scan}`);
    field.querySelector("button").addEventListener("click", () => {
      radios.forEach((radio) => { radio.checked = false; });
      text.value = "";
      keep();
    });
    card.append(field);
  };

  const clean = (text) => text.replace(/[\u2066-\u2069]/g, "").replace(/\s+/g, " ");
  window.ratingsAsTsv = () => {
    const rows = all().map((scan) => [scan, read(scan)]).filter(([, own]) => own.rating || own.note);
    const lines = rows.map(([scan, own]) => [scan, own.rating || "", own.note || ""].map(clean).join("\t"));
    return ["scan\trating\tnote", ...lines].join("\n") + "\n";
  };
  get("save-ratings").addEventListener("click", () => saveAs("ratings.tsv", window.ratingsAsTsv(), "text/tab-separated-values"));

  let open = null;
  const enlarge = (card) => {
    open = card;
    get("zoom-name").textContent = card.dataset.scan;
    get("zoom-domain").textContent = card.dataset.domain;
    get("zoom").querySelector(".layers").replaceChildren(...[...card.querySelectorAll(".layers img")].map((image) => image.cloneNode()));
    if (!get("zoom").open) get("zoom").showModal();
  };
  const turn = (step) => {
    const shown = cards.filter((card) => !card.hidden && card.querySelector(".layers"));
    const next = shown[shown.indexOf(open) + step];
    if (next) enlarge(next);
  };
  get("before").addEventListener("click", () => turn(-1));
  get("after").addEventListener("click", () => turn(1));
  get("close").addEventListener("click", () => get("zoom").close());
  get("zoom").addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") turn(-1);
    if (event.key === "ArrowRight") turn(1);
  });

  document.querySelectorAll(".filter").forEach((filter) => { filter.hidden = cards.length === 0; });
  [domain, name, rating, note].forEach((control) => control.addEventListener("input", show));
  get("outlines").addEventListener("input", () => document.body.classList.toggle("bare", !get("outlines").checked));
  cards.forEach((card) => {
    rate(card);
    const button = card.querySelector("button.layers");
    if (button) button.addEventListener("click", () => enlarge(card));
  });
  show();
  count();
})();
