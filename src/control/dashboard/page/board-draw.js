// Drawing: charts on canvases, and flows between places. It holds no number of its own.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// light-dark() is resolved by an element that is painted with it.
const probe = document.createElement("i");
const colour = (name) => {
  if (!probe.isConnected) document.body.append(probe);
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color || css(`--${name}`);
};

export const short = (number) => {
  if (!Number.isFinite(number)) return "–";
  if (number >= 1e6) return `${(number / 1e6).toFixed(1)}M`;
  if (number >= 1e4) return `${(number / 1e3).toFixed(1)}k`;
  if (number >= 100 || Number.isInteger(number)) return Math.round(number).toLocaleString("en");
  return number.toFixed(number < 1 ? 2 : 1);
};

// The next number that people like above a largest value.
const ceiling = (most) => {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= most);
};

// Lines over time. `series`: [{values, colour, fill}], oldest first; `count`: places on the axis.
export function lines(canvas, series, count) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const most = ceiling(Math.max(...series.flatMap((one) => one.values), 0));
  const [left, bottom, top] = [44, height - 18, 8];
  const x = (place, all) => left + ((count - all + place) / (count - 1)) * (width - left - 4);
  const y = (value) => bottom - (value / most) * (bottom - top);
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const part of [0, 0.5, 1]) {
    pen.strokeStyle = colour("line");
    pen.beginPath();
    pen.moveTo(left, y(most * part) + 0.5);
    pen.lineTo(width, y(most * part) + 0.5);
    pen.stroke();
    pen.fillStyle = colour("quiet");
    pen.fillText(short(most * part), left - 6, y(most * part));
  }
  pen.textAlign = "left";
  pen.fillText(`−${Math.round(count / 2)} s`, left, height - 7);
  for (const { values, colour: name, fill } of series) {
    if (values.length < 2) continue;
    pen.beginPath();
    values.forEach((value, place) => pen.lineTo(x(place, values.length), y(value)));
    pen.strokeStyle = colour(name);
    pen.lineWidth = 1.8;
    pen.lineJoin = "round";
    pen.stroke();
    if (fill) {
      pen.lineTo(x(values.length - 1, values.length), bottom);
      pen.lineTo(x(0, values.length), bottom);
      pen.globalAlpha = 0.14;
      pen.fillStyle = colour(name);
      pen.fill();
      pen.globalAlpha = 1;
    }
  }
}

// Where countries and regions are, roughly: a capital or main city, degrees east and north.
const PLACES = {
  36: ["AU", 151, -34], 50: ["BD", 90, 24], 104: ["MM", 96, 17], 116: ["KH", 105, 12],
  124: ["CA", -79, 44], 144: ["LK", 80, 7], 156: ["CN", 116, 36], 250: ["FR", 2, 49],
  276: ["DE", 13, 52], 344: ["HK", 114, 22], 356: ["IN", 77, 24], 360: ["ID", 107, -6],
  380: ["IT", 12, 42], 392: ["JP", 140, 36], 398: ["KZ", 77, 43], 410: ["KR", 127, 37],
  418: ["LA", 103, 18], 446: ["MO", 113, 22], 458: ["MY", 102, 3], 496: ["MN", 107, 48],
  524: ["NP", 85, 28], 554: ["NZ", 175, -37], 586: ["PK", 67, 25], 608: ["PH", 121, 14],
  634: ["QA", 51, 25], 643: ["RU", 38, 56], 682: ["SA", 47, 25], 702: ["SG", 104, 1],
  704: ["VN", 106, 16], 710: ["ZA", 28, -26], 724: ["ES", -4, 40], 756: ["CH", 8, 47],
  764: ["TH", 100, 14], 784: ["AE", 55, 25], 792: ["TR", 29, 41], 826: ["GB", 0, 51],
  840: ["US", -100, 38], 860: ["UZ", 69, 41],
};

const make = (name, attributes, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
};

// Places of the countries in use, spread over the picture; those without a place stand in a row.
function spread(countries) {
  const known = countries.map((code) => PLACES[code] ?? [`${code}`, NaN, NaN]);
  const east = known.map((place) => place[1]).filter(Number.isFinite);
  const north = known.map((place) => place[2]).filter(Number.isFinite);
  const [west, last] = [Math.min(...east), Math.max(...east)];
  const [south, most] = [Math.min(...north), Math.max(...north)];
  const at = new Map();
  let lost = 0;
  countries.forEach((code, index) => {
    const [label, longitude, latitude] = known[index];
    const found = Number.isFinite(longitude);
    const x = found ? 70 + ((longitude - west) / (last - west || 1)) * 500 : 70 + 90 * lost++;
    const y = found ? 310 - ((latitude - south) / (most - south || 1)) * 250 : 340;
    at.set(code, { label, x, y });
  });
  // Neighbours on the globe are not to lie on each other.
  const all = [...at.values()];
  for (let round = 0; round < 60; round++) {
    for (const one of all) for (const other of all) {
      const [dx, dy] = [other.x - one.x, other.y - one.y];
      const far = Math.hypot(dx, dy);
      if (one === other || far > 74) continue;
      const step = (74 - far) / 8;
      other.x = Math.min(590, Math.max(50, other.x + (far ? (dx / far) * step : step)));
      other.y = Math.min(325, Math.max(30, other.y + (far ? (dy / far) * step : step)));
    }
  }
  return at;
}

// Flows between countries. `flows`: [{from, to, rate}]; `down`: set of countries without a link.
export function map(svg, countries, flows, down, names) {
  const key = countries.join();
  if (svg.dataset.key !== key) {
    svg.dataset.key = key;
    svg.places = spread(countries);
    svg.replaceChildren(make("g", { class: "grids" }), make("g", {}), make("g", {}));
    const [grids] = svg.children;
    for (let x = 40; x < 640; x += 80) {
      grids.append(make("path", { class: "grid", d: `M${x} 8 Q${x + (x - 320) / 9} 180 ${x} 352` }));
    }
    for (let y = 40; y < 360; y += 70) {
      grids.append(make("path", { class: "grid", d: `M8 ${y} Q320 ${y - 22} 632 ${y}` }));
    }
  }
  const [, arcs, dots] = svg.children;
  const most = Math.max(...flows.map((flow) => flow.rate), 1e-9);
  arcs.replaceChildren(...flows.flatMap(({ from, to, rate }) => {
    const [start, end] = [svg.places.get(from), svg.places.get(to)];
    if (!start || !end) return [];
    const kind = rate > 0 ? "arc moving" : "arc still";
    const width = (1 + 5 * (rate / most)).toFixed(1);
    const { x, y } = start;
    if (from === to) {
      const d = `M${x - 5} ${y - 8} C${x - 46} ${y - 58} ${x + 46} ${y - 58} ${x + 5} ${y - 8}`;
      return [make("path", { class: kind, d, "stroke-width": width })];
    }
    const [middle, height] = [(x + end.x) / 2, (y + end.y) / 2];
    const bend = 0.22;
    const [cx, cy] = [middle + (end.y - y) * bend, height - (end.x - x) * bend];
    const d = `M${x} ${y} Q${cx} ${cy} ${end.x} ${end.y}`;
    return [make("path", { class: kind, d, "stroke-width": width })];
  }));
  dots.replaceChildren(...countries.flatMap((code) => {
    const { x, y, label } = svg.places.get(code);
    const kind = down.has(code) ? "place bad" : "place";
    const side = x > 520 ? { x: x - 13, "text-anchor": "end" } : { x: x + 13 };
    const who = names.get(code) ?? [];
    const more = who.length > 1 ? `${who[0]} +${who.length - 1}` : who[0] ?? "";
    return [
      make("circle", { class: kind, cx: x, cy: y, r: 8 }),
      make("text", { ...side, y: y + 3 }, label),
      make("text", { ...side, y: y + 17, class: "sub" }, more),
    ];
  }));
}
