"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  const LINE = 0, IMAGE = 1, MEMBER = 2, STATE = 3, STATUS = 4, ATTEMPTS = 5, TOOK = 6, REQUEST = 7, MESSAGE = 8, FINISHED = 9, VERIFIED = 10, ALSO = 11, REASON = 12, OUTCOME = 13, OTHER = 14;
  const FIRST = -1; // the order in which rows that are not settled come first
  const pageSize = 100;
  const byId = id => document.getElementById(id);
  const number = new Intl.NumberFormat("en");
  const search = byId("search"), field = byId("field"), filter = byId("filter"), unsettled = byId("unsettled"), order = byId("order"), body = byId("body");

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
  const timestamp = row => row[FINISHED] === null ? "" : new Date(row[FINISHED]).toISOString();
  const finished = row => timestamp(row).replace("T", " ").replace("Z", "");
  const verified = row => ["", "gone", "still shared"][row[VERIFIED]];
  const outcome = row => row[OUTCOME] ?? data.outcomes[row[STATE]].outcome;

  const columns = [
    { name: "line", key: LINE, css: "number", exact: true },
    { name: "image", key: IMAGE, css: "code" },
    { name: "member", key: MEMBER, css: "code" },
    { name: "outcome", key: STATE, css: "outcome" },
    { name: "verified", key: VERIFIED, css: "verdict" },
    { name: "HTTP", key: STATUS, css: "number", exact: true },
    { name: "attempts", key: ATTEMPTS, css: "number", exact: true },
    { name: "duration", key: TOOK, css: "number" },
    { name: "finished", title: "finished (UTC)", key: FINISHED, css: "time" },
    { name: "message", key: MESSAGE, css: "message" },
  ].filter(c => c.key !== VERIFIED || rows.some(row => row[VERIFIED]));
  const isVerified = columns.some(c => c.key === VERIFIED);
  const more = [{ name: "request", key: REQUEST }, { name: "also shared with", key: ALSO }]
    .concat(data.columns.map((name, i) => ({ name: name || "(no name)", key: OTHER + i })));
  const searched = columns.concat(more);
  const text = (row, key) => {
    switch (key) {
      case STATE: return data.outcomes[row[STATE]].name;
      case STATUS: return row[STATUS] ? String(row[STATUS]) : "";
      case TOOK: return took(row);
      case FINISHED: return finished(row);
      case VERIFIED: return verified(row);
      default: return String(row[key]);
    }
  };

  // What is shown. An address can say it, as in #line=842 or
  // #outcome=denied&image=ID&order=7-.
  const start = () => ({ words: "", field: "", outcomes: new Set(), unsettled: false, exactly: new Map(), sortKey: FIRST, descending: false, page: 0 });
  let view = start(), found = [];
  const open = new Set();
  // What has to be equal: the parameters of an address, and the columns.
  const equals = { line: LINE, image: IMAGE, member: MEMBER, reason: REASON };
  data.columns.forEach((name, i) => { equals["column" + (i + 1)] = OTHER + i; });

  const isView = () => [...new URLSearchParams(location.hash.slice(1)).keys()].some(name => Object.hasOwn(equals, name) || ["outcome", "unsettled", "search", "in", "order", "page"].includes(name));
  const address = () => {
    const p = new URLSearchParams();
    for (const [name, value] of view.exactly) p.set(name, value);
    if (view.outcomes.size) p.set("outcome", [...view.outcomes].map(i => data.outcomes[i].name).join("|"));
    if (view.unsettled) p.set("unsettled", "1");
    if (view.words) p.set("search", view.words);
    if (view.field) p.set("in", view.field);
    if (view.sortKey !== FIRST || view.descending) p.set("order", view.sortKey + (view.descending ? "-" : ""));
    if (view.page) p.set("page", view.page + 1);
    return p.toString();
  };
  // read takes the view from the address; false when that is of a section.
  const read = () => {
    const next = start(), p = new URLSearchParams(location.hash.slice(1));
    if (location.hash.length > 1 && !isView()) return false;
    for (const [name, value] of p) if (Object.hasOwn(equals, name)) next.exactly.set(name, value);
    for (const name of (p.get("outcome") ?? "").split("|")) {
      const i = data.outcomes.findIndex(o => o.name === name);
      if (i >= 0) next.outcomes.add(i);
    }
    next.unsettled = p.get("unsettled") === "1";
    next.words = p.get("search") ?? "";
    next.field = searched.some(c => c.name === p.get("in")) ? p.get("in") : "";
    const by = parseInt(p.get("order") ?? FIRST, 10);
    if (columns.some(c => c.key === by)) [next.sortKey, next.descending] = [by, p.get("order").endsWith("-")];
    next.page = Math.max(0, (parseInt(p.get("page") ?? 1, 10) || 1) - 1);
    view = next;
    return true;
  };

  // Ids are the same in all their spellings.
  const bare = id => id.toLowerCase().replace(/[^a-z0-9]/g, "");
  const equal = (row, name, value) => {
    switch (name) {
      case "line": return String(row[LINE]) === value;
      case "reason": return row[REASON] !== null && String(row[REASON] + 1) === value;
      case "image": case "member": {
        const id = bare(value), cell = bare(row[equals[name]]);
        return cell === id || id.length === 32 && cell.includes(id);
      }
      default: return row[equals[name]] === value;
    }
  };

  // What is searched, made when it is first needed: a row's cells in lower case.
  let haystacks = null;
  const haystack = i => {
    haystacks ??= new Array(rows.length);
    return haystacks[i] ??= searched.map(c => text(rows[i], c.key)).join("\n").toLowerCase();
  };
  // A word of the search, which may begin with the name of a column.
  const finder = word => {
    let column = searched.find(c => c.name === view.field);
    for (const c of searched) {
      const begin = c.name.toLowerCase() + ":";
      if (word.startsWith(begin) && word.length > begin.length) {
        [column, word] = [c, word.slice(begin.length)];
        break;
      }
    }
    if (!column) return i => haystack(i).includes(word);
    if (column.exact) return i => text(rows[i], column.key) === word;
    return i => text(rows[i], column.key).toLowerCase().includes(word);
  };

  const rank = data.outcomes.map(o => ({ open: 0, doubt: 1, unsent: 2, done: 3 })[o.kind]);
  const compare = (a, b) => {
    if (view.sortKey === FIRST) return rank[rows[a][STATE]] - rank[rows[b][STATE]] || a - b;
    const x = rows[a][view.sortKey], y = rows[b][view.sortKey];
    if (x === y) return a - b;
    if (x === null || x === "") return 1; // nothing comes last, whichever way
    if (y === null || y === "") return -1;
    const less = x < y ? -1 : 1;
    return view.descending ? -less : less;
  };

  const choose = page => {
    const finders = view.words.toLowerCase().split(/\s+/).filter(Boolean).map(finder);
    const exactly = [...view.exactly];
    found = [];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      if (view.unsettled && data.outcomes[row[STATE]].settled) continue;
      if (view.outcomes.size && !view.outcomes.has(row[STATE])) continue;
      if (!exactly.every(([name, value]) => equal(row, name, value))) continue;
      if (!finders.every(finds => finds(i))) continue;
      found.push(i);
    }
    found.sort(compare);
    view.page = page;
    if (view.exactly.has("line")) found.forEach(i => open.add(i));
    show();
  };

  const detail = row => {
    const list = element("dl", {});
    const add = (name, value) => { if (value) list.append(element("dt", {}, name), element("dd", {}, value)); };
    for (const c of more) add(c.name, text(row, c.key));
    if (!list.firstChild) add("more", "the report says nothing more of this row");
    return element("tr", { role: "row", class: "detail" }, element("td", { role: "cell", colspan: columns.length }, list,
      element("p", { class: "address" }, element("a", { href: "#line=" + row[LINE] }, "address of this row"))));
  };

  const tableRow = i => {
    const row = rows[i], is = data.outcomes[row[STATE]];
    const cells = columns.map(c => {
      const head = c.key === LINE;
      const cell = element(head ? "th" : "td", { role: head ? "rowheader" : "cell", class: c.css, "data-name": c.name });
      if (head) {
        cell.setAttribute("scope", "row");
        cell.append(element("button", { type: "button", class: "more", "data-row": i, "aria-expanded": open.has(i), "aria-label": "line " + row[LINE] + ", all that is known" }, String(row[LINE])));
      } else if (c.key === STATE) {
        cell.append(element("span", { class: "mark", "aria-hidden": "true" }, is.mark), " " + is.name);
      } else {
        cell.append(text(row, c.key));
      }
      return cell;
    });
    return element("tr", { role: "row", class: is.kind, "data-row": i }, ...cells);
  };

  const chip = (name, remove) => {
    const button = element("button", { type: "button", "aria-label": "show rows again without: " + name }, name + " ×");
    button.addEventListener("click", () => { remove(); choose(0); byId("rows").focus(); });
    return button;
  };
  const chips = () => {
    const all = [...view.exactly].map(([name, value]) => {
      const title = name === "reason" ? "reason " + value : (searched.find(c => c.key === equals[name])?.name ?? name) + " " + (value || "(empty)");
      return chip(title, () => view.exactly.delete(name));
    });
    if (view.words || view.unsettled || view.outcomes.size || all.length) {
      all.push(chip("clear all", () => { view = { ...start(), sortKey: view.sortKey, descending: view.descending }; }));
    }
    byId("chips").replaceChildren(...all.flatMap(button => [button, " "]));
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / pageSize));
    view.page = Math.min(Math.max(view.page, 0), pages - 1);
    const first = view.page * pageSize;
    const shown = found.slice(first, first + pageSize);
    body.replaceChildren(...shown.flatMap(i => open.has(i) ? [tableRow(i), detail(rows[i])] : [tableRow(i)]));
    if (!found.length) {
      body.append(element("tr", { role: "row", class: "none" }, element("td", { role: "cell", colspan: columns.length },
        rows.length ? "No row is like this. “Clear all” above shows every row again." : "There are no rows.")));
    }
    byId("found").textContent = found.length === rows.length
      ? number.format(rows.length) + (rows.length === 1 ? " row" : " rows")
      : number.format(found.length) + " of " + number.format(rows.length) + " rows";
    for (const nav of document.querySelectorAll(".pager")) {
      nav.querySelector(".place").textContent = found.length ? "rows " + number.format(first + 1) + " to " + number.format(first + shown.length) + " of " + number.format(found.length) : "";
      // A button that is disabled would lose the focus.
      nav.querySelector(".previous").setAttribute("aria-disabled", view.page === 0);
      nav.querySelector(".next").setAttribute("aria-disabled", view.page >= pages - 1);
      nav.hidden = pages === 1;
    }
    byId("copy").disabled = byId("download").disabled = !found.length;
    byId("copied").textContent = "";
    for (const head of byId("heads").children) {
      const sorted = Number(head.dataset.key) === view.sortKey;
      if (sorted) head.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      head.querySelector(".arrow").textContent = sorted ? (view.descending ? " ↓" : " ↑") : "";
    }
    order.value = view.sortKey + (view.descending ? "-" : "+");
    if (search.value !== view.words) search.value = view.words;
    field.value = view.field;
    unsettled.checked = view.unsettled;
    for (const box of filter.querySelectorAll("input[value]")) if (box !== unsettled) box.checked = view.outcomes.has(Number(box.value));
    chips();
    const is = address();
    if (is) history.replaceState(null, "", "#" + is);
    else if (location.hash.length > 1 && isView()) history.replaceState(null, "", location.pathname);
  };

  const sortBy = (key, down) => { view.sortKey = key; view.descending = down; choose(0); };

  order.append(element("option", { value: FIRST + "+" }, "not settled first"));
  for (const c of columns) {
    const title = c.title || c.name;
    const button = element("button", { type: "button" }, title, element("span", { class: "arrow", "aria-hidden": "true" }));
    button.addEventListener("click", () => sortBy(c.key, view.sortKey === c.key && !view.descending));
    byId("heads").append(element("th", { role: "columnheader", scope: "col", class: c.css === "number" || c.css === "message" ? c.css : "", "data-key": c.key }, button));
    order.append(element("option", { value: c.key + "+" }, title + ", ascending"), element("option", { value: c.key + "-" }, title + ", descending"));
  }
  field.append(element("option", { value: "" }, "all columns"), ...searched.map(c => element("option", { value: c.name }, c.name)));
  let left = 0;
  data.outcomes.forEach((o, i) => {
    if (!o.rows) return;
    if (!o.settled) left += o.rows;
    const box = element("input", { type: "checkbox", value: i });
    box.addEventListener("change", () => { if (!view.outcomes.delete(i)) view.outcomes.add(i); choose(0); });
    filter.append(element("label", { class: o.kind }, box, element("span", { class: "mark", "aria-hidden": "true" }, o.mark), o.name + " ", element("span", { class: "count" }, number.format(o.rows))));
  });
  byId("count-unsettled").textContent = number.format(left);
  if (isVerified) document.documentElement.classList.add("verified");

  let waiting;
  const look = () => { clearTimeout(waiting); view.words = search.value.trim(); view.field = field.value; choose(0); };
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 150); });
  field.addEventListener("change", look);
  unsettled.addEventListener("change", () => { view.unsettled = unsettled.checked; choose(0); });
  order.addEventListener("change", () => sortBy(parseInt(order.value, 10), order.value.endsWith("-")));
  for (const [css, by] of [[".previous", -1], [".next", 1]]) {
    for (const button of document.querySelectorAll(css)) {
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-disabled") === "true") return;
        view.page += by;
        show();
        const above = document.querySelector(".above " + css);
        if (button !== above) above.focus({ preventScroll: true });
        byId("rows").scrollIntoView();
      });
    }
  }
  body.addEventListener("click", event => {
    if (event.target.closest("a") || String(getSelection())) return;
    const i = Number(event.target.closest("tr[data-row]")?.dataset.row ?? NaN);
    if (Number.isNaN(i)) return;
    if (!open.delete(i)) open.add(i);
    show();
    body.querySelector(`button[data-row="${i}"]`).focus();
  });

  // The rows that are found, as a report has them: run and check read such a file.
  const cell = text => /[",\r\n]/.test(text) || /^\s|\s$/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  const asCSV = () => {
    const line = cells => cells.map(value => cell(String(value ?? ""))).join(",") + "\n";
    return line(data.own.concat(data.columns)) + found.map(i => {
      const row = rows[i];
      return line([row[LINE], row[IMAGE], row[MEMBER], outcome(row), row[STATUS] || "", row[ATTEMPTS], row[TOOK], row[REQUEST], row[MESSAGE], timestamp(row),
        ["", "gone", "shared"][row[VERIFIED]], row[ALSO], ...row.slice(OTHER)]);
    }).join("");
  };
  const copied = () => { byId("copied").textContent = "copied: " + number.format(found.length) + (found.length === 1 ? " row" : " rows"); };
  byId("copy").addEventListener("click", async () => {
    const csv = asCSV();
    try {
      await navigator.clipboard.writeText(csv);
    } catch { // where a page may not use the clipboard by itself
      const area = element("textarea", { class: "hidden", readonly: "" });
      area.value = csv;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      byId("copy").focus();
    }
    copied();
  });
  byId("download").addEventListener("click", () => {
    const link = element("a", { href: URL.createObjectURL(new Blob([asCSV()], { type: "text/csv" })), download: data.file + ".selection.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });

  // A link to a view shows it.
  const follow = () => {
    if (!read()) return;
    choose(view.page);
    if (location.hash.length <= 1) return;
    byId("rows").scrollIntoView();
    byId("rows").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  addEventListener("click", event => { // the same address once more is no change of it
    const to = event.target.closest("a[href^='#']");
    if (to && to.hash === location.hash && !to.classList.contains("skip")) follow();
  });

  const asked = location.hash.length > 1 && read();
  choose(view.page);
  document.querySelector(".app").hidden = false;
  document.documentElement.classList.add("js");
  if (asked) byId("rows").scrollIntoView();
})();
