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
