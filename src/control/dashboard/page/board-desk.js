// What waits for people, and what people have closed. It changes when somebody does something, so
// it is asked for now and then, not streamed.
export const desk = { queue: [], proposals: [], stopped: [], suspended: new Set() };

const get = async (path, headers) => {
  const answer = await fetch(path, { headers, cache: "no-store" });
  return answer.ok ? answer.json() : null;
};

/// Asks for all of it; whatever does not answer stays as it was.
export async function askDesk(headers) {
  const paths = ["/v1/queue", "/v1/proposals", "/v1/corridors", "/v1/participants"];
  const [queue, proposals, corridors, participants] =
    await Promise.all(paths.map((path) => get(path, headers)));
  if (queue) desk.queue = queue.waiting;
  if (proposals) desk.proposals = proposals.proposals;
  if (corridors) desk.stopped = corridors.stopped.map((one) => one.corridor);
  if (participants) {
    const suspended = participants.participants.filter((one) => one.state === "suspended");
    desk.suspended = new Set(suspended.map((one) => one.name));
  }
}

const since = (seconds) => (seconds < 120 ? `${seconds} s`
  : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`);

/// Shows it, or nothing where nobody waits and nothing is closed.
export function showDesk(id, node, word) {
  const { queue, proposals, stopped, suspended } = desk;
  id("desk").hidden = queue.length + proposals.length + stopped.length + suspended.size === 0;
  const closed = [...[...suspended].map((name) => [word("suspended"), name]),
    ...stopped.map((corridor) => [word("stopped"), corridor])];
  id("closed").replaceChildren(...closed.map(([state, what]) =>
    node("li", {}, node("span", { class: "pill warn", text: state }), ` ${what}`)));
  const rows = (table, list, cells) => {
    id(table).parentElement.hidden = list.length === 0;
    id(table).tBodies[0].replaceChildren(...list.slice(0, 20).map((one) =>
      node("tr", {}, ...cells(one).map((text) => node("td", { text })))));
  };
  rows("queue-table", queue, (one) => [since(one.age_s), one.key, one.phase, one.reason,
    `${one.shard}/${one.number}`, one.decisions.join(", ")]);
  rows("proposal-table", proposals, (one) => [`${one.number}`, one.action, one.by, one.reason,
    since(one.left_s)]);
}
