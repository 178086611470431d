// Theme, sorting, filters, search, comparison and deep links. Pages are complete without it.
"use strict";

(() => {
  const SHOWN = 100; // rows that a page of a board holds at first
  const collator = new Intl.Collator("en", { numeric: true });
  const root = document.documentElement;

  // Theme -----------------------------------------------------------------------------------
  const THEMES = ["auto", "light", "dark"];
  const kept = {
    get() { try { return localStorage.getItem("t2sbench-theme") || "auto"; } catch { return "auto"; } },
    set(value) { try { localStorage.setItem("t2sbench-theme", value); } catch { /* private window */ } },
  };
  let theme = THEMES.includes(kept.get()) ? kept.get() : "auto";
  const applyTheme = () => { if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme; };
  applyTheme(); // before the first paint

  const setUpTheme = () => {
    const button = document.getElementById("theme");
    const label = () => { button.textContent = `Theme: ${theme}`; };
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      kept.set(theme);
      applyTheme();
      label();
    });
  };

  // Small helpers ---------------------------------------------------------------------------
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const shown = (value, digits, sign = false) =>
    value === null || value === undefined ? "–" : (sign && value >= 0 ? "+" : "") + value.toFixed(digits);
  const number = (text) => {
    const found = text.replace(/[=,%]/g, "").trim().match(/^[+-]?\d+(\.\d+)?/);
    return found ? Number(found[0]) : null;
  };
  // The part of the address after "#": an anchor, or the state of the view as key=value pairs.
  const readState = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const writeState = (state) => {
    const text = state.toString();
    if (text !== readState().toString()) {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    }
  };

  // A table whose rows are sorted, filtered and shown in steps -------------------------------
  class TableView {
    constructor(table, data, onChange) {
      Object.assign(this, { table, onChange, body: table.tBodies[0], limit: SHOWN, sort: -1, down: false });
      this.headers = [...table.tHead.rows[0].cells].filter((cell) => !("plain" in cell.dataset));
      const cells = [...table.tHead.rows[0].cells];
      const places = this.headers.map((cell) => cells.indexOf(cell));
      this.elements = [...this.body.rows];
      this.html = data?.html ?? [];
      this.count = this.elements.length + this.html.length;
      this.columns = data?.columns ?? places.map((place) => {
        const texts = this.elements.map((row) => row.cells[place].textContent.trim());
        const numeric = texts.every((text) => /^([=+-]?[\d.,]+( .*)?|–|)$/.test(text));
        return numeric && !/^[01]{4,}$/.test(texts[0]) ? texts.map(number) : texts;
      });
      this.names = this.columns[this.headers.findIndex((cell) => cell.classList.contains("name"))] ?? this.columns[0];
      this.lower = this.names.map((name) => String(name).toLowerCase());
      this.order = this.visible = this.names.map((_, row) => row);
      this.headers.forEach((cell, column) => this.addButton(cell, column));
    }

    addButton(cell, column) {
      const link = cell.querySelector("a");
      const text = cell.textContent.trim();
      const button = make("button", { type: "button" }, ...(link ? [text] : cell.childNodes));
      cell.replaceChildren(button);
      button.addEventListener("click", () => this.press(column));
    }

    press(column) {
      // A column of numbers begins with the end that is good: large accuracies, small regrets.
      const name = this.headers[column].textContent.trim();
      const down = typeof this.columns[column].find((value) => value !== null) === "number"
        && !/^(Rank|Regret|vs |±|q =|Queries|Mean regret|Place)/.test(name) && !this.table.closest("[data-ranks]");
      if (this.sort !== column) Object.assign(this, { sort: column, down });
      else if (this.down === down) this.down = !down;
      else Object.assign(this, { sort: -1, down: false });
      this.update();
    }

    keep(test) { this.test = test; this.limit = SHOWN; }

    update() {
      const rows = this.names.map((_, row) => row);
      if (this.sort >= 0) {
        const values = this.columns[this.sort];
        const sign = this.down ? -1 : 1;
        rows.sort((a, b) => {
          const [one, other] = [values[a], values[b]];
          if (one === null || other === null) return (one === null) - (other === null) || a - b;
          const order = typeof one === "string" ? collator.compare(one, other) : one - other;
          return sign * order || a - b;
        });
      }
      this.visible = this.test ? rows.filter(this.test) : rows;
      this.headers.forEach((cell, column) => {
        if (column === this.sort) cell.setAttribute("aria-sort", this.down ? "descending" : "ascending");
        else cell.removeAttribute("aria-sort");
      });
      this.body.replaceChildren(...this.visible.slice(0, this.limit).map((row) => this.element(row)));
      this.onChange?.(this);
    }

    element(row) {
      if (!this.elements[row]) {
        const template = make("template", { innerHTML: this.html[row - SHOWN] });
        this.elements[row] = template.content.firstElementChild;
      }
      return this.elements[row];
    }

    get title() { return this.sort < 0 ? "" : this.headers[this.sort].textContent.trim(); }
  }

  // The page of a board ----------------------------------------------------------------------
  const setUpBoard = (table, data) => {
    const tools = document.getElementById("tools");
    const status = document.getElementById("status");
    const more = document.getElementById("more");
    const search = document.getElementById("search");
    const tasks = document.getElementById("tasks-shown");
    const boxes = [...tools.querySelectorAll('[name="kind"]')];
    data.columns.push(...data.tasks.map((_, place) => data.accuracies.map((row) => row[place])));
    let ready = false;

    const view = new TableView(table, data, () => {
      const order = view.title ? `, sorted by ${view.title}, ${view.down ? "descending" : "ascending"}` : "";
      status.textContent = `${view.visible.length} of ${view.count} rows${order}`;
      const left = view.visible.length - view.limit;
      more.hidden = left <= 0;
      if (left > 0) {
        const button = make("button", { type: "button", textContent: `Show ${Math.min(left, SHOWN)} more` });
        button.addEventListener("click", () => { view.limit += SHOWN; view.update(); });
        more.replaceChildren(button, `${view.limit} of ${view.visible.length} rows are shown.`);
      }
      if (ready) save();
    });
    const comparison = setUpComparison(data, view.names, () => save());

    const filter = () => {
      const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      view.keep((row) => kinds.has(data.kinds[row]) && words.every((word) => view.lower[row].includes(word)));
      table.classList.toggle("with-tasks", tasks.checked);
      view.update();
    };
    const save = () => {
      const state = new URLSearchParams();
      if (view.sort >= 0) state.set("sort", `${view.title}${view.down ? ":down" : ""}`);
      if (search.value) state.set("q", search.value);
      const off = boxes.filter((box) => !box.checked).map((box) => box.value);
      if (off.length) state.set("hide", off.join(","));
      if (tasks.checked) state.set("tasks", "1");
      for (const [name, label] of comparison.state()) state.set(name, label);
      writeState(state);
    };
    const restore = () => {
      const state = readState();
      const [name, down] = (state.get("sort") ?? "").split(":");
      view.sort = view.headers.findIndex((cell) => cell.textContent.trim() === name);
      view.down = down === "down";
      search.value = state.get("q") ?? "";
      const off = (state.get("hide") ?? "").split(",");
      for (const box of boxes) box.checked = !off.includes(box.value);
      tasks.checked = state.get("tasks") === "1";
      comparison.restore(state);
      filter();
    };

    tools.hidden = false;
    tools.addEventListener("submit", (event) => event.preventDefault());
    tools.addEventListener("input", filter);
    tools.addEventListener("reset", () => { view.sort = -1; setTimeout(filter); });
    document.getElementById("copy").addEventListener("click", async () => {
      const columns = view.headers.map((cell, column) => [cell, column])
        .filter(([cell]) => tasks.checked || !cell.classList.contains("task"));
      const lines = [columns.map(([cell]) => cell.textContent.trim()), ...view.visible.map((row) =>
        columns.map(([, column]) => view.columns[column][row] ?? ""))];
      const text = lines.map((line) => line.join("\t")).join("\n");
      try {
        await navigator.clipboard.writeText(text);
        status.textContent = `Copied ${view.visible.length} rows with full precision.`;
      } catch {
        status.textContent = "This browser does not let pages copy. Select the table, or use the CSV file.";
      }
    });
    addEventListener("hashchange", () => { if (location.hash.includes("=")) restore(); });
    restore();
    ready = true;
  };

  const setUpComparison = (data, names, onChange) => {
    const place = document.getElementById("comparison");
    const choices = data.accuracies.map((_, row) => row).filter((row) => data.accuracies[row].some((v) => v !== null));
    const picker = (label) => {
      const select = make("select", {}, ...choices.map((row) => new Option(names[row], row)));
      return [select, make("label", {}, label, select)];
    };
    if (choices.length < 2) {
      place.replaceChildren(make("p", { className: "soft", textContent: "This board has fewer than two methods to compare." }));
      return { state: () => [], restore: () => {} };
    }
    const [first, firstLabel] = picker("First");
    const [second, secondLabel] = picker("Second");
    const swap = make("button", { type: "button", className: "quiet", textContent: "Swap" });
    const output = make("div");
    let chosen = false;
    place.replaceChildren(make("div", { className: "pair" }, firstLabel, secondLabel, swap), output);
    const draw = () => output.replaceChildren(...comparisonOf(data, names, Number(first.value), Number(second.value), place.dataset));
    const reset = () => { [first.value, second.value] = [choices[0], choices[1]]; };
    const changed = () => { chosen = true; draw(); onChange(); };
    first.addEventListener("change", changed);
    second.addEventListener("change", changed);
    swap.addEventListener("click", () => { [first.value, second.value] = [second.value, first.value]; changed(); });
    return {
      state: () => (chosen ? [["a", names[first.value]], ["b", names[second.value]]] : []),
      restore: (state) => {
        reset();
        chosen = state.has("a") || state.has("b");
        for (const [select, name] of [[first, state.get("a")], [second, state.get("b")]]) {
          const row = choices.find((one) => names[one] === name);
          if (row !== undefined) select.value = row;
        }
        draw();
      },
    };
  };

  const comparisonOf = (data, names, a, b, { root: base, space }) => {
    const rows = data.tasks.map((task, place) => {
      const [one, other] = [data.accuracies[a][place], data.accuracies[b][place]];
      return { task, place, one, other, gap: one === null || other === null ? null : one - other };
    });
    const known = rows.filter((row) => row.gap !== null);
    const most = Math.max(...known.map((row) => Math.abs(row.gap)), 1e-9);
    const decided = data.decisions[a].length > 0 || data.decisions[b].length > 0;
    const scaled = [a, b].some((row) => data.regrets[row].some((value) => value !== null));
    const heads = ["Task", names[a], names[b], "Difference", "", ...(scaled ? ["Regret, first", "Regret, second"] : []), ...(decided ? ["Chosen, first", "Chosen, second"] : [])];
    const bar = (gap) => svg("svg", { viewBox: "0 0 160 14", "aria-hidden": "true" },
      svg("line", { x1: 80, x2: 80, y1: 0, y2: 14 }),
      svg("rect", { x: gap < 0 ? 80 + (78 * gap) / most : 80, y: 3, width: Math.abs((78 * gap) / most), height: 8, rx: 2, class: gap < 0 ? "less" : "" }));
    const configuration = (row, place) => {
      const text = data.decisions[row][place] ?? "";
      if (!space || !/^[0-9a-z]+$/.test(text) || text === "uniform" || text === "mixture") return text;
      return make("a", { className: "bits", href: `${base}configurations/${space}.html#${text}`, textContent: text });
    };
    const body = rows.map((row) => make("tr", {},
      make("th", { scope: "row", textContent: row.task }),
      ...[shown(row.one, 2), shown(row.other, 2), shown(row.gap, 2, true)].map((text) => make("td", { textContent: text })),
      make("td", { className: "bar-cell" }, ...(row.gap === null ? [] : [bar(row.gap)])),
      ...(scaled ? [data.regrets[a][row.place], data.regrets[b][row.place]] : []).map((value) => make("td", { textContent: shown(value, 3) })),
      ...(decided ? [make("td", { className: "text" }, configuration(a, row.place)), make("td", { className: "text" }, configuration(b, row.place))] : [])));
    const mean = known.reduce((sum, row) => sum + row.gap, 0) / known.length;
    const spread = Math.sqrt(known.reduce((sum, row) => sum + (row.gap - mean) ** 2, 0) / (known.length - 1));
    const half = known.length > 1 ? (data.quantiles[known.length - 2] * spread) / Math.sqrt(known.length) : null;
    const wins = known.filter((row) => row.gap > 1e-9).length;
    const losses = known.filter((row) => row.gap < -1e-9).length;
    const head = heads.map((text) => (text ? make("th", { scope: "col", textContent: text }) : make("td")));
    const table = make("table", { className: "numbers" },
      make("caption", { textContent: "Accuracy in percent, first minus second" }),
      make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
    const wide = make("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: "Comparison" }, table);
    const interval = half === null ? "" : ` ± ${half.toFixed(2)} (95 % t interval over tasks, not corrected for several comparisons)`;
    const summary = known.length
      ? `The first is better on ${wins} tasks, worse on ${losses}, equal on ${known.length - wins - losses}. Mean difference ${shown(mean, 2, true)}${interval} points.`
      : "The two share no task.";
    return [make("p", { className: "summary", textContent: summary }), wide];
  };

  // The explorer of configurations ---------------------------------------------------------------
  const setUpExplorer = (place, data) => {
    const index = new Map(data.names.map((name, row) => [name, row]));
    const digit = (level) => level.toString(36);
    const image = make("img", { className: "sheet", width: 288, height: 192 });
    const name = make("p", { className: "name-line" });
    const summary = make("p");
    summary.setAttribute("role", "status");
    const command = make("code");
    const settings = make("form", { className: "switches" });
    const rewards = make("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: "Rewards of this configuration" });
    const [effectOf, head] = [data.tables[0], data.parameters.map((one) => one.name.replaceAll("_", " "))];
    const fields = data.parameters.map((parameter, place) => {
      const levels = parameter.levels.map((level, value) => {
        const input = make("input", { type: "radio", name: `p${place}`, value });
        const effect = make("span", { className: "effect" });
        return { input, effect, label: make("label", { className: "chip" }, input, level, effect) };
      });
      settings.append(make("fieldset", {}, make("legend", { textContent: head[place] }),
        make("div", { className: "levels" }, ...levels.map((one) => one.label))));
      return levels;
    });
    place.replaceChildren(make("div", { className: "explorer" },
      make("div", {}, ...(data.pictures ? [make("figure", {}, image)] : []), name, summary),
      make("div", {}, settings, make("p", { className: "soft small", textContent: `Numbers: change of the mean regret on ${effectOf.id}; below 0 is better.` }))),
    make("pre", { tabIndex: 0 }, command), rewards);

    const draw = (text) => {
      const row = index.get(text);
      if (data.pictures) Object.assign(image, { src: `${data.pictures}/${text}.webp`, alt: `Six rendered objects under configuration ${text}` });
      name.textContent = text;
      command.textContent = `$ t2sbench render --config ${text} -o DIR`;
      const means = data.tables.map((table) => `${table.id}: ${shown(table.mean[row], 3)}, place ${table.place[row]} of ${data.size}`);
      summary.textContent = `Mean regret on ${means.join("; on ")}. Chosen by ${data.chosen[row]} decisions on these boards.`;
      fields.forEach((levels, place) => levels.forEach(({ input, effect }, level) => {
        const other = text.slice(0, place) + digit(level) + text.slice(place + 1);
        input.checked = other === text;
        input.disabled = !index.has(other);
        const [here, there] = [effectOf.mean[row], effectOf.mean[index.get(other)]];
        const change = other === text || here === null || there === undefined || there === null ? null : there - here;
        effect.textContent = change === null ? "" : shown(change, 2, true);
        effect.className = `effect ${change === null ? "" : change < 0 ? "better" : "worse"}`;
      }));
      rewards.replaceChildren(rewardTable(data, row));
    };
    const current = () => fields.map((levels) => digit(levels.findIndex(({ input }) => input.checked))).join("");
    settings.addEventListener("submit", (event) => event.preventDefault());
    settings.addEventListener("input", () => {
      const text = current();
      history.replaceState(null, "", `#${text}`);
      draw(text);
    });
    const follow = () => {
      const text = location.hash.slice(1);
      draw(index.has(text) ? text : data.start);
      if (index.has(text)) scrollTo(0, 0);
    };
    addEventListener("hashchange", () => { if (index.has(location.hash.slice(1))) follow(); });
    follow();
  };

  const rewardTable = (data, row) => {
    const tasks = [...new Set(data.tables.flatMap((table) => table.tasks))];
    const head = make("tr", {}, make("th", { scope: "col", className: "name", textContent: "Task" }),
      ...data.tables.flatMap((table) => [`Accuracy, ${table.id}`, "Points", "Place"].map((textContent) => make("th", { scope: "col", textContent }))));
    const body = tasks.map((task) => make("tr", {},
      make("th", { scope: "row", className: "name" }, make("a", { href: `../${data.pages[task]}`, textContent: task })),
      ...data.tables.flatMap((table) => {
        const place = table.tasks.indexOf(task);
        const value = place < 0 ? null : table.rewards[place][row];
        if (value === null) return ["", "", ""].map((textContent) => make("td", { textContent }));
        const rank = 1 + table.rewards[place].filter((other) => other > value).length;
        return [shown(value, 2), shown(value - table.average[place], 2, true), rank].map((textContent) => make("td", { textContent }));
      })));
    return make("table", { className: "numbers" },
      make("caption", { textContent: `Accuracy in percent, points over the mean configuration, and place among ${data.names.length}` }),
      make("thead", {}, head), make("tbody", {}, ...body));
  };

  // Charts of the budgeted track ---------------------------------------------------------------
  const setUpLegend = (legend) => {
    const boxes = [...legend.querySelectorAll("input")];
    const draw = () => boxes.forEach((box) => {
      document.querySelector(`.chart [data-curve="${box.dataset.curve}"]`).classList.toggle("off", !box.checked);
    });
    legend.addEventListener("input", () => {
      draw();
      const state = new URLSearchParams();
      const off = boxes.filter((box) => !box.checked).map((box) => box.dataset.curve);
      if (off.length) state.set("off", off.join(","));
      writeState(state);
    });
    const off = (readState().get("off") ?? "").split(",");
    for (const box of boxes) box.checked = !off.includes(box.dataset.curve);
    draw();
  };

  document.addEventListener("DOMContentLoaded", () => {
    setUpTheme();
    const board = document.getElementById("board");
    const data = document.getElementById("data");
    const explorer = document.getElementById("explorer");
    if (explorer) setUpExplorer(explorer, JSON.parse(data.textContent));
    if (board && data) setUpBoard(board, JSON.parse(data.textContent));
    for (const table of document.querySelectorAll("table[data-sortable]")) {
      if (!(table === board && data)) new TableView(table);
    }
    const legend = document.getElementById("legend");
    if (legend) setUpLegend(legend);
  });
})();
