"use strict";
// Sorts and searches the tables of a report. Without it every table is there as it is printed.
(() => {
  const said = document.body.dataset;
  const language = document.documentElement.lang || "en";
  const point = (1.5).toLocaleString(language).includes(",") ? "," : ".";
  const factors = [[said.billion, 1e9], [said.million, 1e6]];

  // The first number of a cell as it is printed: "−$1,200 to −$900" is -1200.
  function amount(text) {
    const found = text.match(/[\u2212+-]?[^\d\s]?\d[\d.,\u00a0\u202f]*/);
    if (!found) return null;
    let digits = found[0].replace("\u2212", "-").replace(/[^\d.,-]/g, "");
    digits = point === "," ? digits.replaceAll(".", "").replace(",", ".") : digits.replaceAll(",", "");
    const after = text.slice(found.index + found[0].length);
    const factor = factors.find(([word]) => word && after.trimStart().startsWith(word));
    return Number.parseFloat(digits) * (factor ? factor[1] : 1);
  }

  function compared(one, other, numeric) {
    if (!numeric) return one.localeCompare(other, language, { numeric: true });
    const [a, b] = [amount(one), amount(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return a - b;
  }

  function sort(table, index, button) {
    const header = button.parentElement;
    const up = header.getAttribute("aria-sort") !== "ascending";
    for (const th of table.tHead.rows[0].cells) th.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const numeric = header.classList.contains("n");
    const rows = [...body.rows];
    rows.sort((a, b) => (up ? 1 : -1) *
      compared(a.cells[index].textContent, b.cells[index].textContent, numeric));
    body.append(...rows);
  }

  function sortable(table) {
    [...table.tHead.rows[0].cells].forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, index, button));
    });
  }

  function plain(text) {
    return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase(language);
  }

  function count(shown, all) {
    const written = (n) => n.toLocaleString(language);
    return said.shown.replace("{shown}", written(shown)).replace("{all}", written(all));
  }

  function field(label, change) {
    const line = document.createElement("p");
    line.className = "find";
    const caption = document.createElement("label");
    const input = document.createElement("input");
    const status = document.createElement("span");
    input.type = "search";
    input.autocomplete = "off";
    status.setAttribute("role", "status");
    caption.append(label, " ", input);
    line.append(caption, " ", status);
    input.addEventListener("input", () => { status.textContent = change(plain(input.value)); });
    return line;
  }

  function searchable(region, table) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 10) return;
    const texts = rows.map((row) => plain(row.textContent));
    region.before(field(said.find, (wanted) => {
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !texts[i].includes(wanted);
        shown += row.hidden ? 0 : 1;
      });
      return wanted ? count(shown, rows.length) : "";
    }));
  }

  // Every entity, as numbers: drawn for those that are asked for.
  function lookup(part) {
    const data = JSON.parse(part.querySelector("script").textContent);
    const names = data.rows.map((row) => plain(row[0]));
    const region = part.querySelector(".table");
    const body = region.querySelector("tbody");
    const written = (value) => value === null ? said.exact : value.toLocaleString(language, {
      maximumSignificantDigits: 5,
    }).replace("-", "\u2212");
    const show = (wanted) => {
      const found = [];
      names.forEach((name, i) => { if (wanted && name.includes(wanted)) found.push(i); });
      body.replaceChildren(...found.slice(0, data.most).map((i) => {
        const row = document.createElement("tr");
        data.rows[i].forEach((value, j) => {
          const cell = document.createElement(j ? "td" : "th");
          if (j) cell.className = "n"; else cell.scope = "row";
          cell.textContent = j ? written(value) : value;
          row.append(cell);
        });
        return row;
      }));
      region.hidden = !found.length;
      return wanted ? count(Math.min(found.length, data.most), names.length) : "";
    };
    region.before(field(data.label, show));
    part.hidden = false;
    show("");
  }

  for (const region of document.querySelectorAll(".table:not(.asked)")) {
    const table = region.querySelector("table");
    if (table.tBodies[0].rows.length < 2) continue;
    sortable(table);
    searchable(region, table);
  }
  for (const part of document.querySelectorAll(".lookup")) {
    sortable(part.querySelector("table"));
    lookup(part);
  }
})();
