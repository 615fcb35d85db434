// What a run was, from the report that is embedded in the page.

const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

const count = (value) => (value === null || value === undefined ? "n/a" : number.format(value));
const percent = (value) => `${fine.format(value)} %`;
const seconds = (value) => `${fine.format(value)}`;

// A time in microseconds, in the unit that reads best.
function time(us) {
  if (us === null || us === undefined) return "n/a";
  if (us < 1000) return `${fine.format(us)} \u00b5s`;
  if (us < 1e6) return `${fine.format(us / 1000)} ms`;
  return `${fine.format(us / 1e6)} s`;
}

const small = (value) => (value >= 1000 ? `${fine.format(value / 1000)}k` : fine.format(value));
const millions = (value) => (value >= 1e6 ? `${fine.format(value / 1e6)}M` : small(value));
const bytes = (value) => {
  const steps = [[1 << 20, "MiB"], [1 << 10, "KiB"], [1, "B"]];
  const [size, unit] = steps.find(([step]) => value >= step) || [1, "B"];
  return `${fine.format(value / size)} ${unit}`;
};

const timeAxis = (report) => ({ label: "seconds since measuring began", head: "Time", low: 0, high: report.plan.duration_ms / 1000, spacing: 70, say: seconds, exactly: (at) => `at ${at.toFixed(2)} s` });
const latencyAxis = { label: "milliseconds (log scale)", log: true, say: (ms) => fine.format(ms), exactly: (ms) => time(ms * 1000) };

function verdict(kind, title, text, rows) {
  const list = rows && rows.length ? element("ul", {}, ...rows.map((row) => element("li", {}, row))) : null;
  return element("section", { class: `verdict ${kind}` }, element("strong", {}, title), text ? element("p", {}, text) : null, list);
}

function asked(plan) {
  if (plan.loop === "open" && plan.rate) return `Open loop, ${count(plan.rate)} payments/s planned`;
  if (plan.loop === "open") return "Open loop";
  return `Closed loop, ${count(plan.window)} payments in flight`;
}

function spans(plan) {
  const spacing = plan.spacing ? `${plan.spacing[0].toUpperCase()}${plan.spacing.slice(1)} spacing; ` : "";
  const measured = `${fine.format(plan.duration_ms / 1000)} s measured after ${fine.format(plan.warm_up_ms / 1000)} s of warm-up.`;
  if (!plan.profile) return spacing + measured;
  const { profile, title, stands_for_ms: stands, duration_ms: plays, scale_millionths: scale } = plan.profile;
  const faster = stands > plays ? ` It stands for ${fine.format(stands / 1000)} s, played ${fine.format(stands / plays)} times as fast.` : "";
  const scaled = scale === 1000000 ? "" : ` Rates are ${fine.format(scale / 1e6)} of the profile's.`;
  return `Profile ${profile}: ${title}. ${spacing}${measured}${faster}${scaled}`;
}

// Why a run is invalid, as far as its health says it.
function invalid(health) {
  if (health.aborted) return "The run was given up because a payment was overdue (--late abort).";
  if (health.littles_law && !health.littles_law.holds) return `Little's law does not hold: the clocks and the counts are ${percent(health.littles_law.apart_percent)} apart.`;
  if (health.missed_late > health.offered / 100) return `${count(health.missed_late)} of ${count(health.offered)} payments were left out because the generator was late.`;
  return "Start lag p99 is above a millisecond and above a fifth of the response p99. Give the generator a core, or lower the rate.";
}

function health(report) {
  const { health: it } = report.generator;
  const missed = it.missed_late + it.missed_full + it.missed_at_end;
  const law = it.littles_law;
  return pairs("facts", [
    ["Offered", `${count(it.offered)} payments, warm-up included`],
    ["Started", `${count(it.started)}${missed ? `, ${count(missed)} missed` : ", none missed"} (--late ${it.late})`],
    ["Waited for room", it.waited ? count(it.waited) : null],
    ["After cuts", it.sent_again ? `${count(it.sent_again)} sent again` : null],
    ["In flight", `${count(it.in_flight_max)} at most${it.in_flight_limit < 4294967295 ? ` of ${count(it.in_flight_limit)}` : ""}`],
    ["Little's law", law ? `${fine.format(law.in_flight_mean)} in flight, ${percent(law.apart_percent)} apart: ${law.holds ? "holds" : "DOES NOT HOLD"}` : "nothing was answered"],
    ["Threads", it.threads.map((thread) => `${thread.name} ${percent(thread.percent)}`).join(", ")],
  ]);
}

function verdicts(report) {
  const found = [];
  const judge = report.verdict;
  if (report.generator.cut_short_ms !== null) {
    const at = fine.format(report.generator.cut_short_ms / 1000);
    found.push(verdict("bad", "CUT SHORT: every link was lost", `${at} s after measuring began the switch ended, or was cut off. What follows is of that time, and what was unanswered then stays so.`));
  }
  if (!judge.holds) {
    const listed = judge.listed.map((row) => `${row.rule}: ${row.payment} at ${row.place}: ${row.detail}`);
    const more = judge.violations - judge.listed.length;
    if (more > 0) listed.push(`and ${count(more)} more`);
    found.push(verdict("bad", "PROMISES WERE BROKEN", `${count(judge.violations)} violations in ${count(judge.payments)} payments.`, listed));
  }
  if (!report.generator.valid) {
    found.push(verdict("bad", "INVALID: the numbers below are the generator's own", invalid(report.generator.health)));
  }
  const missed = report.slo.filter((row) => !row.met);
  if (missed.length) {
    found.push(verdict("bad", "Service levels were missed", null, missed.map((row) => `${row.name}: asked ${row.asked}, measured ${row.measured}`)));
  }
  const { health: it } = report.generator;
  if (it.waited > 0 && it.waited >= it.started / 100) {
    found.push(verdict("bad", "OVERLOAD", `${count(it.waited)} payments waited for room: the switch was slower than the plan, or the bound or the links too few. Response times count from the plan.`));
  }
  if (it.missed_late + it.missed_full + it.missed_at_end > 0) {
    found.push(verdict("warn", "Not everything was sent", "What was not sent has no response time, and would have had the longest."));
  }
  if (!report.generator.settled) found.push(verdict("bad", "Not everything came to its end in time", "The judge says what is open."));
  if (report.build === "debug") found.push(verdict("warn", "Debug build", "The verdict counts, the numbers do not."));
  if (report.plan.loop === "closed") found.push(verdict("warn", "Closed loop", "It measures the highest throughput; its response times say nothing about payers who do not wait for each other."));
  if (judge.holds) {
    const journal = judge.journal_records === null ? "no journal was read" : `${count(judge.journal_records)} journal records`;
    const met = report.slo.length && !missed.length ? ` All ${report.slo.length} service levels were met.` : "";
    found.push(verdict("good", "Every promise held", `${count(judge.payments)} payments, ${count(judge.answers)} answers, ${journal} compared.${met}`));
  }
  return found;
}

function environment(report) {
  const machine = report.environment;
  const setup = report.setup;
  const facts = [
    ["Processor", machine.cpu],
    ["Cores", machine.cores.length ? `${machine.cores.length} usable${machine.virtual_machine ? ", virtual machine" : ""}` : null],
    ["Kernel", machine.kernel],
    ["Memory", machine.memory_mib ? `${fine.format(machine.memory_mib / 1024)} GiB` : null],
    ["Journal on", machine.journal_file_system],
    ["Commit mode", report.commit],
    ["Frequency", [machine.governor, machine.no_turbo === "1" ? "no turbo" : null].filter(Boolean).join(", ")],
    ["Build", `${report.version}, ${report.build}`],
    ["Began", new Date(report.began_s * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC"],
    ["Seed, run", report.run ? `${report.seed}, ${report.run}` : null],
  ];
  if (setup) {
    facts.push(["Protocols", setup.protocols.join(", ")], ["Links each", `${setup.links} sending, ${setup.destination_links} answering`]);
    facts.push(["Generator", `${setup.core === null ? "not pinned" : `core ${setup.core}`}, ${setup.spin ? "polls" : "sleeps"}`]);
  }
  const other = report.cpu.elsewhere;
  if (other) facts.push(["Machine's time", `${percent(other.stolen_percent)} stolen by its host, ${percent(other.others_percent)} used by others`]);
  return pairs("facts", facts);
}

function numbers(report) {
  const { response, service, start_lag: lag } = report.latency;
  const cpu = (us) => (us === null ? null : `${fine.format(us)} \u00b5s`);
  return pairs("cards", [
    ["Payments answered", `${count(report.payments_per_second)} /s`, report.plan.rate ? `${count(report.plan.rate)} /s planned` : `${count(report.plan.window)} in flight`],
    ["Response p50", time(response.p50_us), `service ${time(service.p50_us)}`],
    ["Response p99", time(response.p99_us), `service ${time(service.p99_us)}`],
    ["Response p99.9", time(response.p999_us), `service ${time(service.p999_us)}`],
    ["Response max", time(response.max_us), `service ${time(service.max_us)}`],
    ["Start lag p99", time(lag.p99_us), `at most ${time(lag.max_us)}`],
    ["Shed or refused", count(report.payments_refused), "neither throughput nor response time"],
    ["Switch CPU a payment", cpu(report.cpu.switch_us_per_payment), report.cpu.shards_us_per_payment === null ? "" : `shards ${cpu(report.cpu.shards_us_per_payment)}`],
    ["Generator CPU a payment", cpu(report.cpu.generator_us_per_payment), `${count(report.generator.in_flight_max)} in flight at most`],
  ]);
}

const middle = (row) => (row.start_ms + row.end_ms) / 2000;
const long = (row) => (row.end_ms - row.start_ms) / 1000;

function latencyOverTime(report) {
  const line = (name, key, colour, dash) => ({
    name, colour, dash,
    points: report.series.intervals.map((row) => [middle(row), row.response[key] === null ? null : row.response[key] / 1000]),
  });
  const bounds = report.slo.filter((row) => row.bound_us && row.scope === null);
  return {
    title: "Response time", note: "By the interval that payments were intended for: a pause shows where it was, not where it ended.",
    x: timeAxis(report), y: latencyAxis,
    lines: [line("p50", "p50_us", "a"), line("p90", "p90_us", "b"), line("p99", "p99_us", "c"), line("p99.9", "p999_us", "d"), line("max", "max_us", "e", "dotted")],
    marks: bounds.map((row) => ({ value: row.bound_us / 1000, name: row.name })),
  };
}

function nines(report) {
  const most = Math.max(report.latency.response.count, 10);
  const place = (share) => Math.min(-Math.log10(Math.max(1 - share, 1 / most)), Math.log10(most));
  const line = (name, key, colour, dash) => ({ name, colour, dash, follows: true, points: report.spectrum[key].map((point) => [place(point.share), point.us / 1000]) });
  const name = (at) => {
    const share = 100 * (1 - 10 ** -at);
    return at === 0 ? "0 %" : `${share.toFixed(Math.max(0, Math.ceil(at - 2.0001)))} %`;
  };
  const whole = (low, high) => Array.from({ length: Math.floor(high) + 1 }, (_, at) => at);
  return {
    title: "Percentile spectrum", note: "Share of payments that took at most so long; each step to the right is one nine more. Response counts from the plan, service from the real send.",
    x: { label: "share of payments", head: "Share", low: 0, ticks: whole, say: name, exactly: (at) => `at ${(100 * (1 - 10 ** -at)).toFixed(Math.max(1, Math.ceil(at)))} %` },
    y: latencyAxis,
    lines: [line("response", "response", "c"), line("service", "service", "a", "dashed")],
  };
}

function throughput(report) {
  const rate = (key) => report.series.intervals.map((row) => [middle(row), row[key] / long(row)]);
  return {
    title: "Throughput", note: "Payments started, answered, and shed or refused, a second.",
    x: timeAxis(report), y: { label: "payments/s", say: millions, exactly: (value) => `${count(value)} /s` },
    lines: [
      { name: "started", colour: "e", dash: "dashed", points: rate("started") },
      { name: "answered", colour: "b", points: rate("answered") },
      { name: "refused", colour: "f", points: rate("refused") },
    ],
  };
}

function inFlight(report) {
  const of = (key) => report.series.intervals.map((row) => [middle(row), row[key]]);
  return {
    title: "Payments in flight", note: "Sent and not yet answered: their mean over each interval, and the most at once.",
    x: timeAxis(report), y: { label: "payments", say: millions, exactly: (value) => fine.format(value) },
    lines: [{ name: "mean", colour: "b", points: of("in_flight_mean") }, { name: "most", colour: "e", dash: "dotted", points: of("in_flight_max") }],
  };
}

function lag(report) {
  const of = (key) => report.series.intervals.map((row) => [middle(row), row.start_lag[key] === null ? null : row.start_lag[key] / 1000]);
  return {
    title: "Start lag", note: "How late the generator was: from the intended instant to the real send.",
    x: timeAxis(report), y: latencyAxis,
    lines: [{ name: "p50", colour: "a", points: of("p50_us") }, { name: "p99", colour: "c", points: of("p99_us") }, { name: "max", colour: "e", dash: "dotted", points: of("max_us") }],
  };
}

function cpu(report) {
  const of = (key) => report.series.machine.map((row) => [middle(row), row[key]]);
  return {
    title: "CPU", note: "Percent of one core: the switch's shards, its other threads, and the generator.",
    x: timeAxis(report), y: { label: "percent of a core", say: (value) => fine.format(value), exactly: percent },
    lines: [
      { name: "shards", colour: "c", points: of("shards_percent") },
      { name: "switch's rest", colour: "a", points: of("rest_percent") },
      { name: "generator", colour: "f", dash: "dashed", points: of("generator_percent") },
    ],
  };
}

function looks(report, key) {
  const rows = report.series.machine.filter((row) => row.journal_writes_per_second !== null);
  return rows.map((row) => [middle(row), row[key]]);
}

function journal(report) {
  return {
    title: "Commits", note: "Records appended and writes to segments a second; each write commits all that it carries. The switch does not serve how long a commit takes.",
    x: timeAxis(report), y: { label: "a second", say: millions, exactly: (value) => `${count(value)} /s` },
    lines: [
      { name: "records", colour: "b", points: looks(report, "journal_records_per_second") },
      { name: "writes", colour: "c", points: looks(report, "journal_writes_per_second") },
    ],
  };
}

function uncommitted(report) {
  const points = looks(report, "uncommitted_bytes").map(([at, value]) => [at, value / 1024]);
  return {
    title: "Waiting for their commit", note: "Journal appended and not committed, at each look.",
    x: timeAxis(report), y: { label: "KiB", say: millions, exactly: (value) => bytes(value * 1024) },
    lines: [{ name: "uncommitted", colour: "d", points }],
  };
}

const COLOURS = ["b", "a", "f", "c", "d", "e"];
const LINES = ["solid", "dashed", "dotted"];

function byCorridor(report, title, note, value, y) {
  return {
    title, note, x: timeAxis(report), y,
    lines: report.corridors.map((corridor, place) => ({
      name: corridor.corridor, colour: COLOURS[place % COLOURS.length], dash: LINES[Math.floor(place / COLOURS.length) % LINES.length],
      points: report.series.intervals.map((row) => [middle(row), value(row.corridors[place], row)]),
    })),
  };
}

const OUTCOMES = [["declined", "b"], ["reversed", "c"], ["unresolved", "f"], ["refused", "bad"]];

function otherOutcomes(report) {
  const rate = (key) => report.series.intervals.map((row) => [middle(row), row[key] / long(row)]);
  return {
    title: "Other answers than approval", note: "A second: declined, taken back, not known yet (68), and shed or refused.",
    x: timeAxis(report), y: { label: "payments/s", say: millions, exactly: (value) => `${fine.format(value)} /s` },
    lines: OUTCOMES.map(([name, colour], place) => ({ name, colour, dash: LINES[place % 2], points: rate(name) })),
  };
}

function outcomesByCorridor(report) {
  const told = (row) => Math.max(row.answered + row.refused, 1);
  return {
    title: "Other answers than approval, by corridor", note: "Percent of first answers in the measured time; the rest was approved.",
    rows: report.corridors, name: (row) => row.corridor, least: 1, label: "percent of first answers", say: percent,
    parts: OUTCOMES.map(([name, colour]) => ({ name, colour, of: (row) => (100 * row[name]) / told(row) })),
  };
}

function corridorTable(report) {
  const rows = report.corridors.map((row) => [
    row.corridor, count(row.started), count(row.approved), count(row.declined), count(row.reversed), count(row.unresolved),
    { text: count(row.refused), bad: row.refused > 0 }, time(row.response.p50_us), time(row.response.p99_us), time(row.response.p999_us), time(row.service.p99_us),
  ]);
  return tableOf("First answers in the measured time, and response times", ["Corridor", "Started", "Approved", "Declined", "Reversed", "Unresolved", "Refused", "p50", "p99", "p99.9", "Service p99"], rows);
}

function scripts(report) {
  const rows = report.outcomes.map((row) => [
    row.script, count(row.approved), count(row.declined), count(row.reversed), count(row.refused), count(row.unresolved + row.unanswered),
    count(row.approved + row.declined + row.reversed + row.refused + row.unresolved + row.unanswered),
  ]);
  return tableOf("What became of payments, by what was to become of them; warm-up included", ["Script", "Approved", "Declined", "Reversed", "Refused", "Open", "All"], rows);
}

function scenarios(report) {
  const rows = report.scenarios.map((row) => [row.scenario, count(row.payments), count(row.approved), count(row.quoted), count(row.converted)]);
  return tableOf("Direction across the border of China, and who shows the code", ["Scenario", "Payments", "Approved", "Quoted", "Converted"], rows);
}

function levels(report) {
  const rows = report.slo.map((row) => [row.name, row.asked, { text: row.measured, bad: !row.met }, { text: row.met ? "met" : "missed", bad: !row.met }]);
  return tableOf("What was asked for", ["Service level", "Asked", "Measured", ""], rows);
}

function run(report) {
  const page = [element("h1", {}, asked(report.plan)), element("p", { class: "lede" }, spans(report.plan)), ...verdicts(report), element("h2", {}, "Where and how"), environment(report), element("h2", {}, "The generator's health"), health(report)];
  page.push(element("h2", { id: "numbers", tabindex: -1 }, "Numbers"), numbers(report));
  if (report.slo.length) page.push(element("h2", {}, "Service levels"), levels(report));
  const plots = [latencyOverTime(report), nines(report), throughput(report), otherOutcomes(report), inFlight(report), lag(report)];
  if (report.series.machine.length) plots.push(cpu(report));
  if (report.series.machine.some((row) => row.journal_writes_per_second !== null)) plots.push(journal(report), uncommitted(report));
  page.push(element("h2", {}, "Over time"), element("div", { class: "plots" }, ...plots.map(figure)));
  // Where no interval has enough payments of a corridor for the one, the other is shown.
  const enough = report.series.intervals.some((row) => row.corridors.some((cell) => cell.p99_us !== null));
  const [quantile, key, note] = enough ? ["p99", "p99_us", ""] : ["p50", "p50_us", " Too few payments in each interval for p99."];
  const corridors = [
    byCorridor(report, `Response ${quantile} by corridor`, `From the payer's wallet's country to the merchant's.${note}`, (cell) => (cell[key] === null ? null : cell[key] / 1000), latencyAxis),
    byCorridor(report, "Throughput by corridor", "Payments answered a second.", (cell, row) => cell.answered / long(row), { label: "payments/s", say: millions, exactly: (value) => `${count(value)} /s` }),
  ];
  page.push(element("h2", {}, "Corridors"), element("div", { class: "plots" }, ...corridors.map(figure)), element("h2", {}, "Outcomes by corridor"), bars(outcomesByCorridor(report)), corridorTable(report));
  page.push(element("h2", {}, "Scripts"), scripts(report), element("h2", {}, "Scenarios"), scenarios(report));
  return page;
}
