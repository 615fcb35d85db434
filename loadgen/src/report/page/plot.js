"use strict";
// A plot: lines over one axis, with a cursor for mouse, touch and keyboard, and a table behind it.
// It knows nothing of payments.

const SPACE = document.getElementById("seed").namespaceURI;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function shape(name, attributes = {}, text) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Round steps for an axis from `low` to `high`: 1, 2 or 5 times a power of ten.
function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((part) => part >= rough) || power;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) {
    ticks.push(Math.abs(tick) < step / 1e6 ? 0 : tick);
  }
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  const many = Math.log10(high / low) < 2.2;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high) + 1; power += 1) {
    for (const part of many ? [1, 2, 5] : [1]) {
      const tick = part * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

// A scale: from values to pixels, and where its ticks are.
function scale(axis, values, pixels) {
  let low = axis.low ?? Math.min(...values);
  let high = axis.high ?? Math.max(...values);
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = axis.log ? [1, 10] : [0, 1];
  if (axis.log) {
    [low, high] = [Math.max(low, 1e-9) * 0.9, Math.max(high, 1e-9) * 1.1];
    const [from, to] = [Math.log10(low), Math.log10(high)];
    const place = (value) => (Math.log10(Math.max(value, low)) - from) / (to - from);
    return { at: (value) => pixels[0] + place(value) * (pixels[1] - pixels[0]), ticks: logTicks(low, high) };
  }
  if (axis.ticks === undefined && axis.low === undefined) low = Math.min(0, low);
  if (high === low) high = low + 1;
  const count = Math.abs(pixels[1] - pixels[0]) / (axis.spacing || 46);
  const ticks = axis.ticks ? axis.ticks(low, high) : linearTicks(low, high, count);
  if (!axis.ticks && axis.high === undefined) {
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : high - low;
    const top = Math.ceil(high / step - 1e-9) * step;
    if (top > high) { high = top; if (ticks[ticks.length - 1] < top - step / 2) ticks.push(top); }
  }
  return { at: (value) => pixels[0] + ((value - low) / (high - low)) * (pixels[1] - pixels[0]), ticks };
}

const DASHES = { solid: "", dashed: "6 4", dotted: "1.5 4" };

function swatch(line) {
  const picture = shape("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" });
  const style = `stroke:var(--${line.colour})`;
  if (line.dots) picture.append(shape("circle", { cx: 12, cy: 5, r: 4, style: `fill:var(--${line.colour})` }));
  else picture.append(shape("line", {
    x1: 1, x2: 23, y1: 5, y2: 5, style, "stroke-width": 2.4, "stroke-linecap": "round",
    "stroke-dasharray": DASHES[line.dash || "solid"],
  }));
  return picture;
}

function path(points, x, y) {
  let text = "";
  let pen = "M";
  for (const [at, value] of points) {
    if (value === null || value === undefined) { pen = "M"; continue; }
    text += `${pen}${x.at(at).toFixed(1)} ${y.at(value).toFixed(1)}`;
    pen = "L";
  }
  return text;
}

// Everything that a cursor can stand on, in order.
function stops(plot) {
  const found = new Set();
  for (const line of plot.lines) for (const [at] of line.points) found.add(at);
  return [...found].sort((one, other) => one - other);
}

function nearest(places, wanted) {
  let best = 0;
  places.forEach((place, index) => {
    if (Math.abs(place - wanted) < Math.abs(places[best] - wanted)) best = index;
  });
  return best;
}

function valueAt(line, at) {
  const found = line.points.find(([place]) => place === at);
  if (found) return found[1];
  if (!line.follows) return null;
  const before = line.points.filter(([place]) => place <= at);
  return before.length ? before[before.length - 1][1] : null;
}

function draw(plot, holder, width) {
  const height = plot.height || 250;
  const box = { left: 58, right: width - 14, top: 12, bottom: height - 40 };
  const all = plot.lines.flatMap((line) => line.points);
  const numbers = all.map(([, value]) => value).filter((value) => Number.isFinite(value));
  const marks = (plot.marks || []).map((mark) => mark.value);
  const x = scale(plot.x, all.map(([at]) => at), [box.left, box.right]);
  const y = scale(plot.y, numbers.concat(marks), [box.bottom, box.top]);
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
  for (const tick of y.ticks) {
    const at = y.at(tick);
    picture.append(shape("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }));
    picture.append(shape("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, plot.y.say(tick)));
  }
  for (const tick of x.ticks) {
    const at = x.at(tick);
    picture.append(shape("line", { class: "axis", x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }));
    const last = at > box.right - 18;
    picture.append(shape("text", { x: last ? width : at, y: box.bottom + 18, "text-anchor": last ? "end" : "middle" }, plot.x.say(tick)));
  }
  picture.append(shape("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  const label = shape("text", { x: (box.left + box.right) / 2, y: height - 4, "text-anchor": "middle" }, plot.x.label);
  const side = shape("text", { x: 0, y: 0, transform: `translate(11 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, plot.y.label);
  picture.append(label, side);
  for (const mark of plot.marks || []) {
    const at = y.at(mark.value);
    picture.append(shape("line", { class: "mark", x1: box.left, x2: box.right, y1: at, y2: at }));
    picture.append(shape("text", { x: box.right, y: at - 4, "text-anchor": "end" }, mark.name));
  }
  for (const mark of plot.uprights || []) {
    const at = x.at(mark.value);
    picture.append(shape("line", { class: "upright", x1: at, x2: at, y1: box.top, y2: box.bottom }));
    picture.append(shape("text", { x: at - 4, y: box.top + 2, "text-anchor": "end", transform: `rotate(-90 ${at - 4} ${box.top + 2})` }, mark.name));
  }
  for (const line of plot.lines) {
    const style = `stroke:var(--${line.colour})`;
    if (!line.dots) {
      picture.append(shape("path", { class: "line", d: path(line.points, x, y), style, "stroke-dasharray": DASHES[line.dash || "solid"] }));
    }
    if (line.dots || line.points.length < 40) {
      for (const [at, value] of line.points) {
        if (value === null || value === undefined) continue;
        picture.append(shape("circle", { class: "dot", cx: x.at(at), cy: y.at(value), r: line.dots ? 4 : 2, style: `fill:var(--${line.colour})` }));
      }
    }
  }
  if (!numbers.length) picture.append(shape("text", { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, "text-anchor": "middle" }, "too few payments to tell"));
  const cursor = shape("line", { class: "cursor", y1: box.top, y2: box.bottom, visibility: "hidden" });
  const points = plot.lines.map((line) => shape("circle", { class: "dot", r: 3.5, style: `fill:var(--${line.colour})`, visibility: "hidden" }));
  picture.append(cursor, ...points);
  holder.replaceChildren(picture);
  return { x, y, box, picture, cursor, points };
}

// The table behind a plot, made when it is asked for.
function behind(plot) {
  const details = element("details", {}, element("summary", {}, "Values as a table"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const head = element("tr", {}, element("th", { scope: "col" }, plot.x.head));
    for (const line of plot.lines) head.append(element("th", { scope: "col" }, line.name));
    const body = element("tbody");
    for (const at of stops(plot)) {
      const row = element("tr", {}, element("th", { scope: "row" }, plot.x.exactly(at).replace("at ", "")));
      for (const line of plot.lines) row.append(element("td", {}, say(plot, valueAt(line, at), line)));
      body.append(row);
    }
    const table = element("table", {}, element("caption", {}, `${plot.title}; ${plot.y.label}`), element("thead", {}, head), body);
    details.append(element("div", { class: "scroll", tabindex: 0 }, table));
  });
  return details;
}

function say(plot, value, line) {
  if (value === null || value === undefined) return "n/a";
  return (line.exactly || plot.y.exactly || plot.y.say)(value);
}

function summary(plot) {
  const parts = plot.lines.map((line) => {
    const values = line.points.map(([, value]) => value).filter((value) => Number.isFinite(value));
    if (!values.length) return `${line.name}: no values`;
    return `${line.name}: ${say(plot, Math.min(...values), line)} to ${say(plot, Math.max(...values), line)}`;
  });
  return `${plot.title}. ${plot.x.label} against ${plot.y.label}. ${parts.join("; ")}. Arrow keys read values; ${plot.table === false ? "the page's tables have" : "a table has"} all of them.`;
}

function figure(plot) {
  const holder = element("div", { class: "plot", tabindex: 0, role: "img", "aria-label": summary(plot) });
  const where = element("li", { class: "at" }, "");
  const outputs = plot.lines.map(() => element("output", { "aria-live": "off" }));
  const legend = element("ul", { class: "legend" });
  plot.lines.forEach((line, index) => legend.append(element("li", {}, swatch(line), line.name, outputs[index])));
  legend.append(where);
  const caption = element("figcaption", {}, element("h3", {}, plot.title), element("p", {}, plot.note));
  const spoken = element("p", { class: "skip", "aria-live": "polite" });
  const whole = element("figure", {}, caption, holder, legend, spoken, plot.table === false ? null : behind(plot));
  const places = stops(plot);
  let drawn = null;
  let selected = null;
  const select = (index, aloud) => {
    selected = index;
    const hide = index === null || !drawn;
    if (drawn) drawn.cursor.setAttribute("visibility", hide ? "hidden" : "visible");
    where.textContent = hide ? "" : plot.x.exactly(places[index]);
    plot.lines.forEach((line, number) => {
      const value = hide ? null : valueAt(line, places[index]);
      outputs[number].textContent = hide ? "" : say(plot, value, line);
      if (!drawn) return;
      const point = drawn.points[number];
      const none = value === null || value === undefined;
      point.setAttribute("visibility", none ? "hidden" : "visible");
      if (!none) { point.setAttribute("cx", drawn.x.at(places[index])); point.setAttribute("cy", drawn.y.at(value)); }
    });
    if (hide) return;
    const at = drawn.x.at(places[index]);
    drawn.cursor.setAttribute("x1", at);
    drawn.cursor.setAttribute("x2", at);
    if (aloud) spoken.textContent = `${where.textContent}: ${plot.lines.map((line, number) => `${line.name} ${outputs[number].textContent}`).join(", ")}`;
  };
  const point = (event) => {
    if (!drawn || !places.length) return;
    const edge = drawn.picture.getBoundingClientRect();
    const wanted = event.clientX - edge.left;
    select(nearest(places.map((place) => drawn.x.at(place)), wanted), false);
  };
  holder.addEventListener("pointermove", point);
  holder.addEventListener("pointerdown", point);
  holder.addEventListener("pointerleave", () => select(null, false));
  holder.addEventListener("blur", () => select(null, false));
  holder.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key];
    if (event.key === "Escape") return select(null, false);
    if (step === undefined || !places.length) return undefined;
    event.preventDefault();
    const from = selected === null ? (step > 0 ? -1 : places.length) : selected;
    return select(Math.min(Math.max(from + step, 0), places.length - 1), true);
  });
  const redraw = () => {
    const width = Math.round(holder.clientWidth);
    if (width > 0) { drawn = draw(plot, holder, width); select(selected, false); }
  };
  new ResizeObserver(redraw).observe(holder);
  return whole;
}

// Shares of a whole, a bar for each row; the table of the same figures stands beside it.
function bars(plot) {
  const holder = element("div", { class: "plot", role: "img", "aria-label": `${plot.title}. ${plot.note} A table follows.` });
  const legend = element("ul", { class: "legend" }, ...plot.parts.map((part) => element("li", {}, swatch({ ...part, dots: true }), part.name)));
  const caption = element("figcaption", {}, element("h3", {}, plot.title), element("p", {}, plot.note));
  const whole = (row) => plot.parts.reduce((sum, part) => sum + part.of(row), 0);
  const redraw = () => {
    const width = Math.round(holder.clientWidth);
    if (!width) return;
    const height = 26 * plot.rows.length + 42;
    const box = { left: 96, right: width - 14, top: 4, bottom: height - 40 };
    const x = scale({ low: 0, spacing: 80 }, plot.rows.map(whole).concat(plot.least), [box.left, box.right]);
    const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    for (const tick of x.ticks) {
      const last = x.at(tick) > box.right - 18;
      picture.append(shape("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: box.top, y2: box.bottom }));
      picture.append(shape("text", { x: last ? width : x.at(tick), y: box.bottom + 16, "text-anchor": last ? "end" : "middle" }, plot.say(tick)));
    }
    picture.append(shape("text", { x: (box.left + box.right) / 2, y: height - 4, "text-anchor": "middle" }, plot.label));
    plot.rows.forEach((row, place) => {
      const top = box.top + 26 * place;
      picture.append(shape("text", { x: box.left - 8, y: top + 17, "text-anchor": "end" }, plot.name(row)));
      let before = 0;
      for (const part of plot.parts) {
        const from = x.at(before);
        before += part.of(row);
        const bar = shape("rect", { x: from, y: top + 5, width: Math.max(x.at(before) - from, 0), height: 16, style: `fill:var(--${part.colour})` });
        bar.append(shape("title", {}, `${plot.name(row)}, ${part.name}: ${plot.say(part.of(row))}`));
        picture.append(bar);
      }
    });
    holder.replaceChildren(picture);
  };
  new ResizeObserver(redraw).observe(holder);
  return element("figure", {}, caption, holder, legend);
}

// A table that stands on the page: rows of cells, the first of which names the row.
function tableOf(captionText, heads, rows) {
  const head = element("tr");
  heads.forEach((name) => head.append(element("th", { scope: "col" }, name)));
  const body = element("tbody");
  for (const row of rows) {
    const made = element("tr");
    row.forEach((cell, place) => {
      const bad = cell !== null && typeof cell === "object" && cell.bad;
      const text = cell !== null && typeof cell === "object" ? cell.text : cell;
      const kind = place === 0 ? element("th", { scope: "row" }, String(text)) : element("td", bad ? { class: "bad" } : {}, String(text));
      made.append(kind);
    });
    body.append(made);
  }
  const table = element("table", {}, element("caption", {}, captionText), element("thead", {}, head), body);
  return element("div", { class: "scroll" }, table);
}

function pairs(kind, entries) {
  const list = element("dl", { class: kind });
  for (const [name, value, small] of entries) {
    if (value === null || value === undefined || value === "") continue;
    list.append(element("div", {}, element("dt", {}, name), element("dd", {}, String(value), small ? element("small", {}, small) : null)));
  }
  return list;
}

function themes() {
  const buttons = document.querySelectorAll("[data-theme-choice]");
  const choose = (choice) => {
    if (choice === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", choice);
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice)));
  };
  buttons.forEach((button) => button.addEventListener("click", () => choose(button.dataset.themeChoice)));
  if (["light", "dark"].includes(location.hash.slice(1))) choose(location.hash.slice(1));
}
