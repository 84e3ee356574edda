"use strict";
// What this adds to the page: light and dark, tables that can be sorted, words under the pointer, and zoom.
// All text goes into the page by textContent, so that no name can become markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const data = (id) => (byId(id) ? JSON.parse(byId(id).textContent) : null);

  const make = (name, attributes = {}, words) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    return made;
  };
  const draw = (name, attributes, words) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    return made;
  };

  // Times are microseconds.
  const duration = (micro) => {
    const seconds = micro / 1e6;
    if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
    if (seconds >= 600) return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
    for (const [unit, size] of [["s", 1e6], ["ms", 1e3], ["µs", 1]]) {
      if (micro >= size) return `${micro / size >= 100 ? Math.round(micro / size) : Number((micro / size).toPrecision(3))} ${unit}`;
    }
    return `${Math.round(micro * 1e3)} ns`;
  };

  const tip = make("div", { id: "tip", role: "status", hidden: "" });
  document.body.append(tip);
  const say = (event, title, lines) => {
    tip.replaceChildren(make("b", {}, title), ...lines.filter(Boolean).map((line) => make("span", {}, line)));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
    const top = event.clientY + 18 + height > innerHeight ? event.clientY - 12 - height : event.clientY + 18;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  };
  const hush = () => { tip.hidden = true; };
  // Where the pointer is, in the units of the picture.
  const place = (svg, event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  };
  // The browser's own words would stand beside ours.
  const withoutTitles = (svg) => svg.querySelectorAll("title").forEach((title) => title.parentNode === svg || title.remove());

  theme();
  sorting();
  breakdown();
  timeline();
  steps();
  byId("forbidden").remove();
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));

  function theme() {
    const root = document.documentElement;
    // A page in a sandbox may keep nothing, and says so by an exception.
    const kept = { get: () => { try { return localStorage.getItem("one-logger-theme"); } catch { return null; } },
      set: (value) => { try { localStorage.setItem("one-logger-theme", value); } catch { /* not kept */ } } };
    if (["light", "dark"].includes(kept.get())) root.dataset.theme = kept.get();
    const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const button = make("button", { id: "theme", class: "tool", type: "button" });
    const show = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      kept.set(root.dataset.theme);
      show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
    show();
    document.querySelector("header").append(button);
  }

  function sorting() {
    for (const table of document.querySelectorAll("table.sortable")) {
      const body = table.tBodies[0];
      const written = [...body.rows];
      const heads = [...table.tHead.rows[0].cells];
      const key = (row, column) => {
        const cell = row.cells[column];
        const order = cell.dataset.order ?? cell.textContent;
        const number = Number(order.replaceAll(",", ""));
        return order.trim() === "" || Number.isNaN(number) ? order : number;
      };
      const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
        : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b);
      heads.forEach((head, column) => {
        const button = make("button", { type: "button" }, head.textContent);
        head.replaceChildren(button);
        // First the largest number, or the first word; then the other way round; then as it was written.
        const first = head.align === "right" ? "descending" : "ascending";
        button.addEventListener("click", () => {
          const now = head.getAttribute("aria-sort");
          const next = !now ? first : now === first ? (first === "ascending" ? "descending" : "ascending") : null;
          heads.forEach((other) => other.removeAttribute("aria-sort"));
          if (next) head.setAttribute("aria-sort", next);
          const sign = next === "descending" ? -1 : 1;
          body.append(...(next ? [...written].sort((a, b) => sign * compare(key(a, column), key(b, column))) : written));
        });
      });
    }
  }

  function breakdown() {
    const svg = byId("breakdown");
    if (!svg) return;
    for (const box of svg.querySelectorAll("rect")) {
      const title = box.querySelector("title");
      const [path, ...rest] = title.textContent.split(/: (?=[^:]*$)/);
      title.remove();
      box.addEventListener("pointermove", (event) => say(event, path, rest));
      box.addEventListener("pointerleave", hush);
    }
  }

  function timeline() {
    const svg = byId("timeline");
    const run = data("timeline-data");
    if (!svg || !run) return;
    const { top, bottom, lane: laneHeight, gutter, columns } =
      Object.fromEntries(Object.entries(svg.dataset).map(([key, value]) => [key, Number(value)]));
    withoutTitles(svg);
    const lanes = new Map(run.segments.map(([row, lane, flat]) => [`${row}/${lane}`, flat]));
    const rowAt = (y) => run.rows.findLastIndex(([, rowTop, rowLanes]) => y >= rowTop && y < rowTop + rowLanes * laneHeight);
    const shape = (segment, flat, row) => {
      const start = flat[segment] * run.unit;
      return [start, flat[segment + 1] < 0 ? run.ends[row] : start + flat[segment + 1] * run.unit, flat[segment + 2]];
    };
    const spans = svg.querySelector("g.spans");
    const axis = svg.querySelector("g.axis");
    const marks = svg.querySelector("g.marks");
    const shapes = [...marks.children];
    const clip = (part, id, room) => {
      const path = draw("clipPath", { id });
      path.append(draw("rect", { x: gutter - room, y: 0, width: columns + 2 * room, height: bottom + 4 }));
      svg.append(path);
      part.setAttribute("clip-path", `url(#${id})`);
    };
    clip(spans, "clip-spans", 0);
    clip(svg.querySelector("g.lives"), "clip-lives", 0);
    clip(marks, "clip-marks", 8);
    const lives = svg.querySelector("g.lives path");
    const whole = { from: 0, to: run.length };
    let view = whole;

    const x = (time) => gutter + ((time - view.from) / (view.to - view.from)) * columns;
    const time = (at) => view.from + ((at - gutter) / columns) * (view.to - view.from);

    const redraw = () => {
      const scale = columns / (view.to - view.from);
      const paths = new Map();
      for (const [key, flat] of lanes) {
        const [row, lane] = key.split("/").map(Number);
        const y = run.rows[row][1] + lane * laneHeight;
        let edge = -1;
        let last = -1;
        for (let segment = 0; segment < flat.length; segment += 3) {
          const [start, end, name] = shape(segment, flat, row);
          if (end < view.from || start > view.to) continue;
          const left = Math.max(x(start), gutter - 4);
          const right = Math.min(Math.max(x(end), left + 0.5), gutter + columns + 4);
          // Of many in one pixel one is enough.
          if (right <= edge && right - left < 0.6 && name === last) continue;
          edge = right;
          last = name;
          const colour = run.colours[name];
          if (!paths.has(colour)) paths.set(colour, []);
          // Neighbours stay apart when there is room.
          const width = right - left > 3 ? right - left - 0.6 : right - left;
          paths.get(colour).push([segment, `M${left.toFixed(2)} ${y}h${width.toFixed(2)}v${laneHeight - (laneHeight > 6 ? 1 : 0)}h-${width.toFixed(2)}z`]);
        }
      }
      spans.replaceChildren(...[...paths].map(([colour, boxes]) => draw("path", { class: `s${colour}`, d: boxes.map((box) => box[1]).join("") })));
      lives.setAttribute("transform", `translate(${gutter - view.from * scale} 0) scale(${scale / (columns / run.length)} 1) translate(${-gutter} 0)`);
      run.marks.forEach(([, kind, start, end], index) => {
        const mark = shapes[index];
        if (kind === "gap") {
          mark.firstChild.setAttribute("x", x(start));
          mark.firstChild.setAttribute("width", Math.max(x(end) - x(start), 2));
        } else {
          const at = kind === "open" ? end : start;
          mark.setAttribute("transform", `translate(${x(at) - (gutter + (at / run.length) * columns)} 0)`);
        }
      });
      axis.replaceChildren(...ticks(view.from, view.to).flatMap(([at, words]) => [
        draw("line", { x1: x(at), x2: x(at), y1: top - 6, y2: bottom, class: "line", stroke: "#d5d9e0" }),
        draw("text", { x: x(at), y: top - 12, "text-anchor": "middle", class: "muted" }, words),
      ]));
      const zoomed = view.from > 0 || view.to < run.length;
      reset.disabled = out.disabled = !zoomed;
      shown.textContent = zoomed ? `${duration(view.to - view.from)}, from ${duration(view.from)} after the start` : "Drag over a part to see it closer; ctrl and the wheel zoom, too.";
      svg.dataset.zoomed = zoomed;
    };

    const look = (from, to) => {
      const length = Math.min(Math.max(to - from, 0.01), run.length);
      const first = Math.min(Math.max(from, 0), run.length - length);
      view = { from: first, to: first + length };
      redraw();
    };
    const zoom = (factor, about = (view.from + view.to) / 2) =>
      look(about - (about - view.from) * factor, about + (view.to - about) * factor);

    const tool = (words, name, action) => {
      const button = make("button", { class: "tool", type: "button", "aria-label": name }, words);
      button.addEventListener("click", action);
      return button;
    };
    const out = tool("−", "Zoom out", () => zoom(2));
    const reset = tool("Whole run", "Show the whole run", () => look(0, run.length));
    const shown = make("span", { class: "hint", "aria-live": "polite" });
    const tools = make("div", { class: "tools" });
    tools.append(tool("+", "Zoom in", () => zoom(0.5)), out, reset, shown);
    svg.parentNode.prepend(tools);

    svg.setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const step = (view.to - view.from) / 5;
      const action = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), Escape: () => look(0, run.length),
        ArrowLeft: () => look(view.from - step, view.to - step), ArrowRight: () => look(view.from + step, view.to + step) }[event.key];
      if (action) { event.preventDefault(); action(); }
    });
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, time(place(svg, event)[0]));
    }, { passive: false });
    svg.addEventListener("dblclick", (event) => zoom(0.5, time(place(svg, event)[0])));

    let from = null;
    const choice = draw("rect", { class: "choice", y: top - 6, height: bottom - top + 8 });
    const inside = (at) => Math.min(Math.max(at, gutter), gutter + columns);
    svg.addEventListener("pointerdown", (event) => {
      const [at, y] = place(svg, event);
      if (event.button !== 0 || at < gutter || y > bottom) return;
      from = at;
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const [at, y] = place(svg, event);
      if (from === null) { hover(event, at, y); return; }
      hush();
      const [left, right] = [from, inside(at)].sort((a, b) => a - b);
      choice.setAttribute("x", left);
      choice.setAttribute("width", right - left);
      if (!choice.parentNode) svg.append(choice);
    });
    svg.addEventListener("pointerup", (event) => {
      const [left, right] = [from, inside(place(svg, event)[0])].sort((a, b) => a - b);
      choice.remove();
      if (from !== null && right - left > 3) look(time(left), time(right));
      from = null;
    });
    svg.addEventListener("pointercancel", () => { from = null; choice.remove(); });
    svg.addEventListener("pointerleave", hush);

    const clock = (micro) => new Date(run.start + micro / 1000).toISOString().replace("T", " ").replace("Z", " UTC");

    function hover(event, at, y) {
      const row = rowAt(y);
      if (at < gutter || at > gutter + columns || row < 0) { hush(); return; }
      const [label, rowTop] = run.rows[row];
      const near = run.marks.find(([markRow, , start, end]) => markRow === row && at >= x(start) - 4 && at <= x(end) + 4 &&
        (end === start || at <= x(start) + 4 || at >= x(end) - 4));
      if (near && near[1] !== "open") { say(event, near[4], [label, clock(near[2])]); return; }
      const lane = Math.floor((y - rowTop) / laneHeight);
      const flat = lanes.get(`${row}/${lane}`);
      const moment = time(at);
      const slack = (view.to - view.from) / columns;
      let found = null;
      // The last one drawn is on top.
      for (let segment = 0; flat && segment < flat.length; segment += 3) {
        const [start, end] = shape(segment, flat, row);
        if (start <= moment + slack / 2 && end >= moment - slack / 2) found = segment;
      }
      if (found === null) { say(event, label, [clock(moment)]); return; }
      const [start, end, name] = shape(found, flat, row);
      const open = flat[found + 1] < 0;
      say(event, run.names[name], [
        label,
        open ? `still open, since ${clock(start)}` : run.exact ? `took ${duration(end - start)}` : "took most of this time",
        !open && `from ${clock(start)}${run.exact ? "" : `, for ${duration(end - start)}`}`,
      ]);
    }

    function ticks(low, high) {
      const least = (high - low) / 10;
      const units = [["ns", 1e-3], ["µs", 1], ["ms", 1e3], ["s", 1e6], ["min", 6e7], ["h", 3.6e9], ["d", 8.64e10]];
      for (let index = 0; index < units.length; index += 1) {
        const [unit, size] = units[index];
        const next = units[index + 1] ? units[index + 1][1] : Infinity;
        const steps = { min: [1, 2, 5, 10, 15, 30], h: [1, 2, 3, 6, 12] }[unit] ??
          [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5];
        const step = steps.map((one) => one * size).find((one) => one >= least && one < next);
        if (step === undefined) continue;
        const found = [];
        for (let count = Math.ceil(low / step - 1e-9); count * step <= high * (1 + 1e-12); count += 1) {
          found.push([count * step, `${Number((count * step / size).toFixed(3)).toLocaleString("en")} ${unit}`]);
        }
        return found;
      }
      return [];
    }

    redraw();
  }

  function steps() {
    const found = data("steps-data");
    if (!found) return;
    const words = (column) => {
      const first = column * found.together;
      const last = Math.min(first + found.together, found.count) - 1;
      return first === last ? `step ${first.toLocaleString("en")}` : `steps ${first.toLocaleString("en")} to ${last.toLocaleString("en")}`;
    };
    const columnAt = (svg, event) => {
      const [x, y] = place(svg, event);
      const column = Math.floor(((x - Number(svg.dataset.gutter)) / Number(svg.dataset.plot)) * found.median.length);
      return [column >= 0 && column < found.median.length ? column : null, y - Number(svg.dataset.top)];
    };
    const listen = (svg, tell) => {
      if (!svg) return;
      withoutTitles(svg);
      svg.addEventListener("pointermove", (event) => {
        const [column, y] = columnAt(svg, event);
        if (column === null || !tell(event, column, y)) hush();
      });
      svg.addEventListener("pointerleave", hush);
    };
    listen(byId("steps"), (event, column) => {
      if (found.median[column] < 0) return false;
      say(event, words(column), [`median ${duration(found.median[column] / 1000)}`, `longest ${duration(found.longest[column] / 1000)}`]);
      return true;
    });
    const heat = byId("heat");
    listen(heat, (event, column, y) => {
      const row = Math.floor(y / Number(heat.dataset.row));
      const ratio = found.ratios[row]?.[column];
      if (ratio === undefined || ratio < 0) return false;
      say(event, `${found.rows[row]}, ${words(column)}`, [`${(ratio / 100).toFixed(2)} times the median rank's time`]);
      return true;
    });
  }
})();
