
// Show the scans of one scanner, with part of an id, or only those with a mark.
(() => {
  const cards = [...document.querySelectorAll(".card")];
  const [scanner, name, note] = ["by-scanner", "by-name", "by-note"].map((id) => document.getElementById(id));
  const show = () => {
    const part = name.value.trim().toLowerCase();
    cards.forEach((card) => {
      card.hidden =
        (scanner.value !== "" && card.dataset.scanner !== scanner.value) ||
        !card.dataset.scan.toLowerCase().includes(part) ||
        (note.checked && !card.classList.contains("noted"));
    });
    const count = cards.filter((card) => !card.hidden).length;
    document.getElementById("shown").textContent = `${count} of ${cards.length} shown`;
  };
  document.querySelector(".filter").hidden = cards.length === 0;
  [scanner, name, note].forEach((control) => control.addEventListener("input", show));
  show();
})();
