// What a search found: the knee, and every trial.

const rates = (value) => `${count(value)} /s`;

function bound(found, report) {
  const goal = found.goal === "lossless" ? "Loses nothing" : `Keeps p99 within ${fine.format(report.asked.p99_ms)} ms`;
  if (found.rate === null) return [goal, "no rate", `from ${rates(report.asked.bounds.rate_min)} up`];
  const above = { switch: "missed at", generator: "the generator ended at", highest: "" }[found.limit];
  const at = found.missed_at === null ? "the highest rate allowed" : `${above} ${rates(found.missed_at)}`;
  return [goal, rates(found.rate), `${at}${found.confirmed ? "" : "; not confirmed"}`];
}

function searchVerdicts(report) {
  const found = [];
  if (!report.holds) found.push(verdict("bad", "PROMISES WERE BROKEN", "In the last trial; the search ended there."));
  if (report.found.some((goal) => goal.limit === "generator")) found.push(verdict("bad", "The generator ended before the switch did", "A bound below is the generator's own: the switch may do more."));
  if (report.found[1].rate === null) found.push(verdict("bad", "No rate keeps the service level", null));
  if (report.found.some((goal) => !goal.confirmed)) found.push(verdict("warn", "Not confirmed", "The trials ran out before most of them agreed on each bound."));
  if (report.build === "debug") found.push(verdict("warn", "Debug build", "The verdict counts, the numbers do not."));
  if (report.holds) found.push(verdict("good", "Every promise held", `In all of ${count(report.trials.length)} trials.`));
  return found;
}

function knee(report) {
  const every = report.trials.concat(report.loads);
  const dots = (name, colour, key, wanted) => ({
    name, colour, dots: true,
    points: every.filter((trial) => trial[key] !== null && wanted(trial)).map((trial) => [trial.rate, trial[key] / 1000]).sort((one, other) => one[0] - other[0]),
  });
  return {
    title: "The knee", note: "Each trial: its rate, and what its payments took. Response time counts from the plan.", height: 340, table: false,
    x: { label: "payments/s planned (log scale)", head: "Rate", log: true, say: millions, exactly: (value) => `at ${rates(value)}` },
    y: latencyAxis,
    lines: [
      dots("p50", "a", "p50_us", (trial) => trial.valid),
      dots("p99, level kept", "b", "p99_us", (trial) => trial.valid && trial.slo),
      dots("p99, level missed", "f", "p99_us", (trial) => trial.valid && !trial.slo),
      dots("p99, invalid", "e", "p99_us", (trial) => !trial.valid),
    ],
    marks: [{ value: report.asked.p99_ms, name: "asked p99" }],
    uprights: report.found.filter((goal) => goal.rate !== null).map((goal) => ({ value: goal.rate, name: goal.goal === "lossless" ? "lossless" : "level" })),
  };
}

function trialTable(caption, trials) {
  const rows = trials.map((trial, place) => [
    trial.percent === undefined ? `${place + 1}` : `${trial.percent} %`, rates(trial.rate), rates(trial.payments_per_second),
    time(trial.p50_us), time(trial.p99_us), time(trial.p999_us), time(trial.start_lag_p99_us),
    { text: trial.valid ? (trial.lossless ? "lossless" : "loses") : "invalid", bad: !trial.valid || !trial.lossless },
    { text: trial.slo ? "kept" : "missed", bad: !trial.slo }, trial.why.join(", "),
  ]);
  return tableOf(caption, ["Trial", "Planned", "Answered", "p50", "p99", "p99.9", "Start lag p99", "Loss", "Level", "Why"], rows);
}

function search(report) {
  const { bounds } = report.asked;
  const lede = `Trials of ${fine.format(report.asked.trial_ms / 1000)} s; found within ${bounds.precision_percent} %, each bound confirmed by most of ${bounds.confirmations} trials.`;
  const machine = { ...report, cpu: { elsewhere: null }, seed: "", run: "" };
  return [
    element("h1", {}, "The highest rates"), element("p", { class: "lede" }, lede), ...searchVerdicts(report),
    element("h2", {}, "Where and how"), environment(machine),
    element("h2", { id: "numbers", tabindex: -1 }, "Numbers"), pairs("cards", report.found.map((found) => bound(found, report))),
    element("h2", {}, "Response time against rate"), figure(knee(report)),
    ...(report.loads.length ? [element("h2", {}, "Below the knee"), trialTable("Shares of the rate that keeps the level, measured twice as long or longer", report.loads)] : []),
    element("h2", {}, "Trials"), trialTable("In the order in which they were made", report.trials),
  ];
}
