
(() => {
  const box = document.getElementById("search");
  const table = box && document.getElementById(box.dataset.table);
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [row, (row.textContent + " " + (row.dataset.words || "")).toLowerCase()]);
  const found = document.getElementById("found");
  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    found.textContent = words.length ? shown + " of " + rows.length : "";
  };
  box.addEventListener("input", search);
  box.parentElement.hidden = false;
  search();
  const value = (row, at) => {
    const cell = row.cells[at];
    const marked = cell.querySelector("[data-sort]");
    const text = marked ? marked.dataset.sort : cell.textContent.trim();
    const number = Number(text.replaceAll(",", ""));
    return text === "" || text === "–" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const compare = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1
    : typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === "number" ? -1 : 1;
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = rows.map(([row]) => [value(row, at), row]);
      sorted.sort(([a], [b]) => a === null || b === null ? compare(a, b) : up ? compare(a, b) : compare(b, a));
      body.append(...sorted.map(([, row]) => row));
    });
  });
})();
