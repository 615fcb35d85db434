// The page: reads the stream of pictures, makes rates of two of them, and shows them. It asks
// nobody but the switch that served it.
import { words } from "/board-words.js";
import { askDesk, desk, showDesk } from "/board-desk.js";
import { lines, map, short } from "/board-draw.js";

const KEPT = 240; // pictures: two minutes
const RATE_OVER = 8; // pictures that a rate is taken over: four seconds
const SILENT_MS = 1800;
const id = (name) => document.getElementById(name);
const memory = (name, value) => {
  try {
    if (value !== undefined) sessionStorage.setItem(name, value);
    return sessionStorage.getItem(name);
  } catch { return null; }
};

let language = memory("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let pictures = [];
let heard = 0;
let chosen = -1;
const word = (key) => words[language][key] ?? key;

// The token comes in the fragment, which no server is sent, and does not stay in the address.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  memory("token", fragment.get("token"));
  history.replaceState(null, "", location.pathname);
}
const headers = () => (memory("token") ? { Authorization: `Bearer ${memory("token")}` } : {});

const node = (name, attributes = {}, ...inside) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...inside);
  return made;
};
const pill = (kind, text) => node("span", { class: `pill ${kind}`, text });
const meter = (share, text) => {
  const kind = share > 0.95 ? "bad" : share > 0.8 ? "warn" : "";
  const bar = node("span", { class: `meter ${kind}`, "aria-hidden": "true" }, node("i"));
  bar.firstChild.style.width = `${Math.min(100, 100 * share).toFixed(1)}%`;
  return node("span", {}, bar, text);
};
const percent = (part, all) => (all > 0 ? `${((100 * part) / all).toFixed(1)}` : "–");
const ms = (us) => (us == null ? "–" : us < 1000 ? (us / 1000).toFixed(2) : short(us / 1000));
const cell = (content, kind) => node("td", { class: kind }, content);

// A number by a path of names, in the newest picture and some pictures ago, as a rate.
const rate = (of, over = RATE_OVER) => {
  const [last, first] = [pictures.at(-1), pictures.at(-1 - Math.min(over, pictures.length - 1))];
  const seconds = (last.at_ms - first.at_ms) / 1000;
  return seconds > 0 ? Math.max(0, (of(last) ?? 0) - (of(first) ?? 0)) / seconds : 0;
};
const party = (picture, name) => picture.participants.find((one) => one.name === name);
const corridor = (picture, { from, to }) =>
  picture.corridors.find((one) => one.from === from && one.to === to);
const recent = (of) => {
  const [last, first] = [pictures.at(-1), pictures.at(-1 - Math.min(20, pictures.length - 1))];
  return (of(last) ?? 0) - (of(first) ?? 0);
};

function sayWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = word(one.dataset.word);
  for (const one of document.querySelectorAll("[data-placeholder]")) {
    one.placeholder = word(one.dataset.placeholder);
  }
  for (const one of document.querySelectorAll("[data-title]")) one.title = word(one.dataset.title);
  id("language").textContent = word("language");
  id("language").lang = language === "zh" ? "en" : "zh";
  const legend = (place, list) => id(place).replaceChildren(
    ...list.map(([kind, text]) => node("span", { class: kind, text })));
  legend("legend-rate", [["good", word("approved")], ["warn", word("declined")],
    ["bad", word("unknown")]]);
  legend("legend-times", [["accent", word("switch_line")], ["warn", word("theirs_line")]]);
}

function showState() {
  const silent = performance.now() - heard > SILENT_MS;
  const last = pictures.at(-1);
  const [kind, text] = !last ? ["wait", word("connecting")]
    : silent ? ["bad", word("lost")]
    : last.unready ? ["warn", `${word("unready")}: ${last.unready}`] : ["good", word("ready")];
  const pillNode = id("state");
  if (pillNode.textContent !== text) pillNode.textContent = text;
  pillNode.className = `pill ${kind}`;
}

const slowest = (picture) =>
  Math.max(0, ...picture.participants.map((one) => one.answer_times?.p99_us ?? 0));
// What a message waits inside: for its commit, and for the turn that it is in.
const inside = (picture) => {
  const stages = picture.stages;
  const waits = Math.max(stages.request?.p99_us ?? 0, stages.answer?.p99_us ?? 0);
  return Math.max(waits, stages.turn?.p99_us ?? 0);
};

function showTiles(picture) {
  const { totals, bounds } = picture;
  const ended = ["approved", "declined", "unknown"].map((name) => recent((one) => one.totals[name]));
  id("t-rate").textContent = short(rate((one) => one.totals.payments));
  id("t-approved").textContent = percent(ended[0], ended[0] + ended[1] + ended[2]);
  id("t-switch").textContent = ms(inside(picture));
  id("t-theirs").textContent = ms(slowest(picture) || null);
  id("t-flight").textContent = short(totals.in_flight);
  id("t-flight-of").textContent = `${word("of")} ${short(bounds.in_flight)}`;
  id("t-queue").textContent = short(totals.queue);
  const since = totals.queue_oldest_s ? new Date(totals.queue_oldest_s * 1000) : null;
  id("t-queue-age").textContent = since
    ? `${word("waits_since")} ${since.toLocaleTimeString()}` : word("none_waits");
  id("t-queue").parentElement.className = totals.queue > 0 ? "warn" : "";
}

function showCharts() {
  const rates = (name) => pictures.slice(1).map((one, place) => {
    const before = pictures[Math.max(0, place - 3)];
    const seconds = (one.at_ms - before.at_ms) / 1000;
    return seconds > 0 ? Math.max(0, one.totals[name] - before.totals[name]) / seconds : 0;
  });
  const series = [["approved", "good", true], ["declined", "warn"], ["unknown", "bad"]]
    .map(([name, colour, fill]) => ({ values: rates(name), colour, fill }));
  lines(id("chart-rate"), series, KEPT);
  const times = [[inside, "accent"], [slowest, "warn"]]
    .map(([of, colour]) => ({ values: pictures.map((one) => of(one) / 1000), colour }));
  lines(id("chart-times"), times, KEPT);
  const say = (list) => list.map((one) => short(one.values.at(-1) ?? 0)).join(", ");
  id("chart-rate").setAttribute("aria-label", `${word("throughput")}: ${say(series)}`);
  id("chart-times").setAttribute("aria-label", `${word("times")}: ${say(times)}`);
}

function showAlerts(picture) {
  const number = (value) => (value < 1 ? value.toFixed(2) : short(value));
  const rows = picture.alerts.map((one) => node("li", { title: one.remedy },
    pill(one.severity === "page" ? "bad" : "warn", new Date(one.since).toLocaleTimeString()),
    node("strong", { text: ` ${one.subject} ` }),
    node("span", { text: `${word(`rule_${one.rule.replaceAll("-", "_")}`)}: ` +
      `${number(one.latest.now)}, ${word("usually")} ${number(one.latest.usual)}` })));
  id("alert-list").replaceChildren(...rows);
  id("alerts").hidden = rows.length === 0;
}

function showParticipants(picture) {
  const rows = picture.participants.map((one, place) => {
    const per = (name) => rate((then) => party(then, one.name)?.[name]);
    const good = (name, ends) => {
      const [part, ...rest] = [name, ...ends].map((key) => recent((then) => party(then, one.name)?.[key]));
      return percent(part, part + rest.reduce((sum, next) => sum + next, 0));
    };
    const used = Math.max(one.open_from / one.window_from, one.open_to / one.window_to);
    const gone = one.links === 0;
    const state = desk.suspended.has(one.name) ? pill("warn", word("suspended"))
      : gone ? pill("bad", word("down"))
      : used > 0.8 ? pill("warn", word("busy_window")) : pill("good", word("up"));
    const asks = `${short(per("requests"))} · ${good("approved", ["declined", "unknown"])} %`;
    const asked = `${short(per("asked"))} · ${good("asked_approved", ["asked_declined", "asked_unknown"])} %`;
    const name = node("span", {}, node("strong", { text: one.name }),
      node("span", { class: "sub", text: `${word(one.role)} · ${one.protocol}` }));
    const open = one.open_from + one.open_to;
    return node("tr", { class: gone ? "bad" : "", "data-name": one.name,
      "aria-selected": place === chosen ? "true" : "false" },
      cell(name), cell(state), cell(`${one.links}`, "number"), cell(asks), cell(asked),
      cell(`${ms(one.answer_times?.p50_us)} ms`, "number"),
      cell(`${ms(one.answer_times?.p99_us)} ms`, "number"),
      cell(meter(used, `${short(open)}`)));
  });
  id("participant-table").tBodies[0].replaceChildren(...rows);
}

function showCorridors(picture) {
  const flows = picture.corridors
    .map((one) => ({ ...one, rate: rate((then) => corridor(then, one)?.requests) }))
    .sort((left, right) => right.rate - left.rate || right.requests - left.requests);
  const rows = flows.slice(0, 12).map((one) => {
    const [good, bad, lost] = ["approved", "declined", "unknown"]
      .map((name) => recent((then) => corridor(then, one)?.[name]));
    return node("tr", {}, cell(one.from), cell(one.to), cell(short(one.rate), "number"),
      cell(`${percent(good, good + bad + lost)} %`, "number"), cell(short(one.unknown), "number"));
  });
  id("corridor-table").tBodies[0].replaceChildren(...rows);
  const country = new Map(picture.participants.map((one) => [one.name, one.country]));
  const countries = [...new Set(country.values())].sort((left, right) => left - right);
  const sums = new Map();
  for (const one of flows) {
    const [from, to] = [country.get(one.from), country.get(one.to)];
    if (from === undefined || to === undefined) continue;
    const key = `${from}-${to}`;
    const sum = sums.get(key) ?? { from, to, rate: 0 };
    sum.rate += one.rate;
    sums.set(key, sum);
  }
  const names = new Map(countries.map((code) => [code,
    picture.participants.filter((one) => one.country === code).map((one) => one.name)]));
  const down = new Set(countries.filter((code) =>
    picture.participants.some((one) => one.country === code && one.links === 0)));
  map(id("map"), countries, [...sums.values()], down, names);
  id("map").setAttribute("aria-label", word("map_says"));
}

function bars(place, list) {
  const most = Math.max(...list.map((one) => one[1]), 1);
  const rows = list.filter((one) => one[1] > 0).sort((left, right) => right[1] - left[1]).slice(0, 10)
    .map(([name, count, kind]) => {
      const bar = node("div", { class: "bar" });
      bar.style.width = `${((100 * count) / most).toFixed(1)}%`;
      return node("li", { class: kind ?? "accent" }, node("span", { text: name }), bar,
        node("b", { text: short(count) }));
    });
  id(place).replaceChildren(...(rows.length ? rows : [node("li", { class: "none", text: word("nothing") })]));
}

function showOutcomes(picture) {
  const { totals } = picture;
  bars("bars-ended", [["approved", "good"], ["declined", "warn"], ["unknown", "bad"],
    ["reversed", "accent"], ["repeats", "accent"], ["shed", "bad"]]
    .map(([name, kind]) => [word(name), totals[name], kind]));
  bars("bars-declines", Object.entries(picture.declines).map(([code, count]) => [code, count, "warn"]));
  bars("bars-refused", [...Object.entries(picture.refusals), ...Object.entries(picture.not_allowed)]
    .map(([name, count]) => [name, count, "bad"]));
}

function showShards(picture) {
  const rows = picture.shards.map((one) => {
    const per = (name) => rate((then) => then.shards[one.shard]?.[name]);
    const busy = per("busy_ms") / 1000;
    const state = one.unready ? pill("bad", one.unready) : pill("good", word("up"));
    return node("tr", { class: one.unready ? "bad" : "" }, cell(`${one.shard}`), cell(state),
      cell(meter(busy, `${(100 * busy).toFixed(0)} %`)), cell(short(per("payments")), "number"),
      cell(short(one.in_flight), "number"), cell(short(one.uncommitted_bytes), "number"),
      cell(short(one.queue), "number"));
  });
  id("shard-table").tBodies[0].replaceChildren(...rows);
}

function show() {
  showState();
  const picture = pictures.at(-1);
  if (!picture || document.hidden) return;
  id("version").textContent = picture.version;
  for (const part of [showTiles, showCharts, showAlerts, showParticipants, showCorridors, showOutcomes, showShards]) {
    part(picture);
  }
  showDesk(id, node, word);
}

function take(picture) {
  // A switch that was started anew counts from zero.
  if (pictures.length && picture.totals.payments < pictures.at(-1).totals.payments) pictures = [];
  pictures.push(picture);
  if (pictures.length > KEPT) pictures.shift();
  heard = performance.now();
  show();
}

async function listen() {
  const answer = await fetch("/v1/board/stream", { headers: headers(), cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) {
    if (!id("ask").open) id("ask").showModal();
    return;
  }
  if (!answer.ok) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) if (part.startsWith("data: ")) take(JSON.parse(part.slice(6)));
  }
}

async function listenForEver() {
  for (;;) {
    try { await listen(); } catch { /* Shown as silence. */ }
    await new Promise((done) => setTimeout(done, 700));
  }
}

function storyOf(story) {
  const steps = story.steps.map((step) => node("li", {},
    node("time", { text: `+${(step.after_us / 1e6).toFixed(6)} ${word("seconds")}`, title: step.time }),
    node("span", { text: step.words }),
    node("details", {}, node("summary", { text: `${word("details")}: ${step.record.record}` }),
      node("pre", { text: JSON.stringify(step.record, null, 1) }))));
  return node("article", { class: "story" }, node("h3", { text: story.title }),
    node("p", { class: "quiet", text: `${story.steps[0]?.time ?? ""} · ${word("transaction_of_shard")} ${story.shard}` }),
    node("ol", { "aria-label": word("first_story_wins") }, ...steps),
    node("p", { class: "end", text: story.state }));
}

async function find(reference) {
  id("found").hidden = false;
  const place = id("stories");
  place.replaceChildren(node("p", { text: word("searching") }));
  id("found").scrollIntoView({ block: "start" });
  try {
    const address = `/v1/payments?reference=${encodeURIComponent(reference)}`;
    const answer = await fetch(address, { headers: headers(), cache: "no-store" });
    const body = await answer.json();
    if (!answer.ok) {
      place.replaceChildren(node("p", { text: `${body.detail}: ${body.remedy}` }));
      return;
    }
    const notes = [[body.found.length === 0, "not_found"], [body.cut, "cut"], [body.archive_has_holes, "holes"]];
    place.replaceChildren(...body.found.map(storyOf),
      ...notes.filter(([is]) => is).map(([, key]) => node("p", { text: word(key) })));
  } catch {
    place.replaceChildren(node("p", { text: word("lost") }));
  }
}

function turnTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = memory("theme", now === "dark" ? "light" : "dark");
  show();
}

function turnLanguage() {
  language = memory("language", language === "en" ? "zh" : "en") ?? (language === "en" ? "zh" : "en");
  sayWords();
  show();
}

function goTo(section) {
  id(section).scrollIntoView({ block: "start" });
  id(section).focus({ preventScroll: true });
}

function choose(step) {
  const rows = [...id("participant-table").tBodies[0].rows];
  chosen = Math.max(0, Math.min(rows.length - 1, chosen + step));
  rows.forEach((row, place) => row.setAttribute("aria-selected", place === chosen ? "true" : "false"));
  rows[chosen]?.scrollIntoView({ block: "nearest" });
}

const PLACES = { o: "overview", d: "desk", p: "participants", c: "corridors", r: "outcomes", s: "shards" };
let going = 0;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches?.("input, textarea, select");
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else id("found").hidden = true;
    return;
  }
  if (typing || document.querySelector("dialog[open]")) return;
  const second = performance.now() - going < 1500 ? PLACES[event.key] : undefined;
  going = 0;
  const acts = {
    "/": () => id("reference").focus(), "?": () => id("keys").showModal(),
    j: () => choose(1), k: () => choose(-1), t: turnTheme, l: turnLanguage,
    g: () => { going = performance.now(); },
  };
  const act = second ? () => goTo(second) : acts[event.key];
  if (act) { event.preventDefault(); act(); }
});
id("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const reference = id("reference").value.trim();
  if (reference) find(reference);
});
id("found-close").addEventListener("click", () => { id("found").hidden = true; });
id("theme").addEventListener("click", turnTheme);
id("language").addEventListener("click", turnLanguage);
id("help").addEventListener("click", () => id("keys").showModal());
id("ask-form").addEventListener("submit", () => { memory("token", id("token").value.trim()); });
document.addEventListener("visibilitychange", show);
addEventListener("resize", show);

if (memory("theme")) document.documentElement.dataset.theme = memory("theme");
sayWords();
setInterval(showState, 300);
const tend = async () => {
  if (!document.hidden && heard > 0) try { await askDesk(headers()); } catch { /* Shown as silence. */ }
  setTimeout(tend, 2000);
};
tend();
listenForEver();
