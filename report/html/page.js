"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  const LINE = 0, IMAGE = 1, MEMBER = 2, OUTCOME = 3, STATUS = 4, ATTEMPTS = 5, TOOK = 6, REQUEST = 7, MESSAGE = 8, FINISHED = 9, VERIFIED = 10, OTHER = 11;
  const pageSize = 100;
  const byId = id => document.getElementById(id);
  const number = new Intl.NumberFormat("en");
  const search = byId("search"), filter = byId("filter"), order = byId("order"), body = byId("body");

  // Everything reaches the page as text: nothing that a row holds is markup.
  const element = (name, attributes, ...children) => {
    const e = document.createElement(name);
    for (const key in attributes) e.setAttribute(key, attributes[key]);
    e.append(...children);
    return e;
  };

  const took = row => {
    const ms = row[TOOK];
    if (ms === null) return "";
    return ms < 1000 ? ms + " ms" : ms < 60000 ? (ms / 1000).toFixed(1) + " s" : number.format(Math.round(ms / 1000)) + " s";
  };
  const finished = row => row[FINISHED] === null ? "" : new Date(row[FINISHED]).toISOString().replace("T", " ").replace("Z", "");
  const verified = row => ["", "verified gone", "verified still shared"][row[VERIFIED]];

  const columns = [
    { name: "line", key: LINE, css: "number" },
    { name: "image", key: IMAGE, css: "code" },
    { name: "member", key: MEMBER, css: "code" },
    { name: "outcome", key: OUTCOME, css: "outcome" },
    { name: "HTTP", key: STATUS, css: "number" },
    { name: "attempts", key: ATTEMPTS, css: "number" },
    { name: "duration", key: TOOK, css: "number" },
    { name: "finished", title: "finished (UTC)", key: FINISHED, css: "time" },
    { name: "message", key: MESSAGE, css: "message" },
  ];
  const text = (row, key) => {
    switch (key) {
      case OUTCOME: return data.outcomes[row[OUTCOME]].name;
      case STATUS: return row[STATUS] ? String(row[STATUS]) : "";
      case TOOK: return took(row);
      case FINISHED: return finished(row);
      default: return String(row[key]);
    }
  };

  let sortKey = LINE, descending = false, page = 0, found = [], open = new Set();

  // What is searched, made when it is first needed: a row's cells in lower case.
  let haystacks = null;
  const haystack = i => {
    haystacks ??= new Array(rows.length);
    return haystacks[i] ??= columns.map(c => text(rows[i], c.key)).concat(rows[i].slice(OTHER), rows[i][REQUEST], verified(rows[i])).join("\n").toLowerCase();
  };

  const compare = (a, b) => {
    const x = rows[a][sortKey], y = rows[b][sortKey];
    if (x === y) return a - b;
    if (x === null || x === "") return 1; // nothing comes last, whichever way
    if (y === null || y === "") return -1;
    const less = x < y ? -1 : 1;
    return descending ? -less : less;
  };

  const choose = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set([...filter.querySelectorAll("input:checked")].map(box => Number(box.value)));
    found = [];
    for (let i = 0; i < rows.length; i++) {
      if (wanted.size && !wanted.has(rows[i][OUTCOME])) continue;
      if (words.length && !words.every(word => haystack(i).includes(word))) continue;
      found.push(i);
    }
    found.sort(compare);
    page = 0;
    show();
  };

  const detail = row => {
    const list = element("dl", {});
    const add = (name, value) => { if (value) list.append(element("dt", {}, name), element("dd", {}, value)); };
    add("request", row[REQUEST]);
    add("check", verified(row));
    data.columns.forEach((name, i) => add(name || "(no name)", row[OTHER + i]));
    if (!list.firstChild) add("more", "the report says nothing more of this row");
    return element("tr", { role: "row", class: "detail" }, element("td", { role: "cell", colspan: columns.length }, list));
  };

  const tableRow = i => {
    const row = rows[i], outcome = data.outcomes[row[OUTCOME]];
    const cells = columns.map(c => {
      const cell = element("td", { role: "cell", class: c.css, "data-name": c.name });
      if (c.key === LINE) {
        cell.append(element("button", { type: "button", class: "more", "data-row": i, "aria-expanded": open.has(i), "aria-label": "line " + row[LINE] + ", all that is known" }, String(row[LINE])));
      } else if (c.key === OUTCOME) {
        cell.append(element("span", { class: "mark", "aria-hidden": "true" }, outcome.mark), " " + outcome.name);
        if (row[VERIFIED]) cell.append(" ", element("span", { class: "verified" }, verified(row)));
      } else {
        cell.append(text(row, c.key));
      }
      return cell;
    });
    return element("tr", { role: "row", class: outcome.kind }, ...cells);
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / pageSize));
    page = Math.min(Math.max(page, 0), pages - 1);
    const shown = found.slice(page * pageSize, (page + 1) * pageSize);
    body.replaceChildren(...shown.flatMap(i => open.has(i) ? [tableRow(i), detail(rows[i])] : [tableRow(i)]));
    byId("found").textContent = found.length === rows.length
      ? number.format(rows.length) + (rows.length === 1 ? " row" : " rows")
      : number.format(found.length) + " of " + number.format(rows.length) + " rows";
    byId("place").textContent = found.length ? "rows " + number.format(page * pageSize + 1) + " to " + number.format(page * pageSize + shown.length) + " of " + number.format(found.length) : "no rows";
    byId("back").disabled = page === 0;
    byId("on").disabled = page >= pages - 1;
    document.querySelector(".pager").hidden = pages === 1;
    for (const head of byId("heads").children) {
      if (Number(head.dataset.key) === sortKey) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      head.querySelector(".arrow").textContent = Number(head.dataset.key) === sortKey ? (descending ? " ↓" : " ↑") : "";
    }
    order.value = sortKey + (descending ? "-" : "+");
  };

  const sortBy = (key, down) => { sortKey = key; descending = down; choose(); };

  for (const c of columns) {
    const title = c.title || c.name;
    const button = element("button", { type: "button" }, title, element("span", { class: "arrow", "aria-hidden": "true" }));
    button.addEventListener("click", () => sortBy(c.key, sortKey === c.key && !descending));
    byId("heads").append(element("th", { role: "columnheader", scope: "col", class: c.css === "number" || c.css === "message" ? c.css : "", "data-key": c.key }, button));
    order.append(element("option", { value: c.key + "+" }, title + ", ascending"), element("option", { value: c.key + "-" }, title + ", descending"));
  }
  data.outcomes.forEach((o, i) => {
    if (!o.rows) return;
    const box = element("input", { type: "checkbox", value: i });
    box.addEventListener("change", choose);
    filter.append(element("label", { class: o.kind }, box, element("span", { class: "mark", "aria-hidden": "true" }, o.mark), o.name + " ", element("span", { class: "count" }, number.format(o.rows))));
  });

  let waiting;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(choose, 150); });
  order.addEventListener("change", () => sortBy(parseInt(order.value, 10), order.value.endsWith("-")));
  const turn = by => { page += by; show(); byId("rows").scrollIntoView(); };
  byId("back").addEventListener("click", () => turn(-1));
  byId("on").addEventListener("click", () => turn(1));
  body.addEventListener("click", event => {
    const button = event.target.closest("button.more");
    if (!button) return;
    const i = Number(button.dataset.row);
    if (!open.delete(i)) open.add(i);
    show();
    body.querySelector(`button[data-row="${i}"]`).focus();
  });

  choose();
  document.querySelector(".app").hidden = false;
  document.documentElement.classList.add("js");
})();
