"use strict";
// Filters, sorting, the card of a case. Texts of others go through textContent alone.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cards = JSON.parse(document.getElementById("cards").textContent);
  const card = document.getElementById("card"), form = document.getElementById("pick");
  const points = all(".point"), rows = all("tr[data-case]"), entries = all("button[data-series]");
  let kept = null, pointer = "", resting = "", alone = null;
  const spot = (event) => `${event.clientX} ${event.clientY}`;
  for (const kind of ["pointermove", "pointerover"]) document.addEventListener(kind, (event) => { pointer = spot(event); }, true);

  const make = (tag, text, parent) => { const node = document.createElement(tag); node.textContent = text; parent.append(node); return node; };
  const placeBeside = (box) => {
    const mine = card.getBoundingClientRect(), gap = 12;
    const right = box.right + gap + mine.width < innerWidth ? box.right + gap : box.left - gap - mine.width;
    card.style.left = `${Math.max(6, Math.min(right, innerWidth - mine.width - 6))}px`;
    card.style.top = `${Math.max(6, Math.min(box.top - 20, innerHeight - mine.height - 6))}px`;
  };
  const light = (number) => { for (const node of [...points, ...rows]) node.classList.toggle("lit", number !== null && node.dataset.case === number); };
  const show = (number, box, isKept) => {
    const item = cards[number];
    card.replaceChildren();
    make("h3", item.name, card);
    const list = make("dl", "", card);
    for (const [title, words] of item.lines) { make("dt", title, list); make("dd", words, list); }
    if (item.command) make("code", item.command, card);
    if (isKept) {
      if (item.command && navigator.clipboard) {
        const copy = make("button", "Copy the command", card);
        copy.onclick = () => navigator.clipboard.writeText(item.command).then(() => { copy.textContent = "Copied"; }, () => { copy.textContent = "Mark it and copy it by hand"; });
        card.append(" ");
      }
      make("button", "Close", card).onclick = () => hide(true);
    } else make("p", "Enter or a click keeps this open", card).className = "keep";
    card.hidden = false;
    placeBeside(box);
    light(number);
  };
  const hide = (isAsked) => {
    if (kept !== null && !isAsked) return;
    if (isAsked && kept) {
      resting = pointer; // what was under the card comes under a pointer that has not moved: nobody points at it
      kept.focus(); // before it is let go: a point that is looked at opens the card
    }
    kept = null; card.hidden = true; light(null);
  };
  const keep = (node) => {
    kept = node; show(node.closest("[data-case]").dataset.case, node.getBoundingClientRect(), true);
    const close = card.querySelector("button:last-of-type");
    if (close) close.focus();
  };

  for (const point of points) {
    const look = () => { if (kept === null) show(point.dataset.case, point.querySelector(".near").getBoundingClientRect(), false); };
    point.addEventListener("pointerenter", (event) => { if (spot(event) !== resting) look(); });
    point.addEventListener("focus", look);
    point.addEventListener("pointerleave", () => { if (document.activeElement !== point) hide(false); });
    point.addEventListener("blur", () => hide(false));
    point.addEventListener("click", () => keep(point));
  }
  const shown = (panel) => all(".point", panel).filter((point) => !point.hasAttribute("hidden")).sort((a, b) => a.dataset.x - b.dataset.x || a.dataset.y - b.dataset.y);
  const enterable = (panel) => { const mine = shown(panel); all(".point", panel).forEach((point) => point.setAttribute("tabindex", point === mine[0] ? "0" : "-1")); };
  for (const panel of all(".panel")) {
    enterable(panel);
    panel.addEventListener("keydown", (event) => {
      const mine = shown(panel), place = mine.indexOf(document.activeElement);
      if (place < 0) return;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = event.key === "Home" ? mine[0] : event.key === "End" ? mine[mine.length - 1] : step ? mine[place + step] : null;
      if (next) { mine.forEach((point) => point.setAttribute("tabindex", point === next ? "0" : "-1")); next.focus(); event.preventDefault(); }
      if (event.key === "Enter" || event.key === " ") { keep(mine[place]); event.preventDefault(); }
    });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(true); });
  document.addEventListener("click", (event) => { if (kept !== null && !card.contains(event.target) && !event.target.closest(".point, td button")) hide(true); });

  const front = (panel) => {
    // in pixels: more of x is to the right, of y upwards; which way is faster is written on the figure's panels
    const line = panel.querySelector(".front"), band = panel.querySelector(".band"), mine = shown(panel);
    const isWhole = mine.length === all(".point", panel).length;
    if (band) band.style.display = isWhole ? "" : "none";
    if (isWhole || !line.dataset.d) { line.setAttribute("d", line.dataset.d); return; }
    const isFasterRight = document.querySelector(".panels").dataset.faster !== "left";
    let best = Infinity, steps = [];
    for (const point of isFasterRight ? mine.reverse() : mine) {
      const [x, y] = [Number(point.dataset.x), Number(point.dataset.y)];
      if (y < best) { steps.push([x, y]); best = y; }
    }
    if (isFasterRight) steps.reverse();
    // the best that is had at least this fast: a step is as high as the nearest faster point
    line.setAttribute("d", steps.map(([x, y], place) => place === 0 ? `M${x} ${y}` : isFasterRight ? `V${y}H${x}` : `H${x}V${y}`).join(""));
  };
  const pick = () => {
    const chosen = form ? all("select", form).filter((select) => select.value).map((select) => [select.dataset.facet, select.value]) : [];
    const text = form ? document.getElementById("search").value.trim().toLowerCase() : "";
    const isPicked = cards.map((item) => chosen.every(([facet, value]) => item.facets[facet] === value) && item.name.toLowerCase().includes(text));
    const isOfSeries = new Set(points.filter((point) => point.dataset.series === alone).map((point) => point.dataset.case));
    for (const point of points) point.toggleAttribute("hidden", !(isPicked[point.dataset.case] && (alone === null || point.dataset.series === alone)));
    for (const row of rows) row.hidden = !(isPicked[row.dataset.case] && (alone === null || isOfSeries.has(row.dataset.case)));
    for (const panel of all(".panel")) { panel.toggleAttribute("hidden", shown(panel).length === 0); front(panel); enterable(panel); }
    const count = document.getElementById("count");
    if (count) count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} cases`;
    hide(true);
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("input", pick);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => { alone = null; for (const entry of entries) entry.setAttribute("aria-pressed", "false"); setTimeout(pick); });
  }
  for (const entry of entries) entry.addEventListener("click", () => {
    alone = alone === entry.dataset.series ? null : entry.dataset.series;
    for (const other of entries) other.setAttribute("aria-pressed", String(other.dataset.series === alone));
    pick();
  });

  for (const table of all("table")) all("th", table).forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const isDown = head.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
      all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      const key = (row) => { const cell = row.cells[place], value = cell.dataset.v; return value !== undefined ? (value === "" ? null : Number(value)) : cell.textContent; };
      const lines = [...body.rows].map((row) => [key(row), row]);
      const isNumeric = lines.every(([value]) => value === null || typeof value === "number" || (value !== "" && !Number.isNaN(Number(value))));
      const order = (a, b) => isNumeric ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      lines.sort(([a], [b]) => a === null ? (b === null ? 0 : 1) : b === null ? -1 : (isDown ? -1 : 1) * order(a, b));
      body.append(...lines.map(([, row]) => row));
    });
  });
  for (const row of rows) {
    const cell = row.cells[0], button = document.createElement("button");
    button.type = "button"; button.textContent = cell.textContent; button.title = "Numbers, conditions and command";
    cell.replaceChildren(button);
    button.addEventListener("click", () => keep(button));
    row.addEventListener("pointerenter", () => { if (kept === null) light(row.dataset.case); });
    row.addEventListener("pointerleave", () => { if (kept === null) light(null); });
  }

  // what is folded is printed too
  addEventListener("beforeprint", () => { for (const part of all("details")) part.open = true; });

  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement, isDark = getComputedStyle(root).colorScheme === "dark" || (getComputedStyle(root).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.style.colorScheme = isDark ? "light" : "dark";
  });
  pick();
})();
