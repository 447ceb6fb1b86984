import { expect, test } from "vitest";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api } = startApi();

const POSTED =
  'subscription P($project: String, $after: String) { messagePosted(project: $project, queue: "q", after: $after) { id bodyText marker } }';
const STATS =
  "subscription S($project: String, $names: [String!]!) { queueStatsChanged(project: $project, queues: $names) { project queueName stats { ready claimed } } }";

test("messages come as they are posted, in order, and watching consumes none", async () => {
  const project = aProject();
  const [before] = await postMessages(api, project, "q", ["before"]);
  const { message } = await api.run(
    'query M($project: String, $id: ID!) { message(project: $project, queue: "q", id: $id) { marker } }',
    { project, id: before },
  );
  const stream = await api.listen(POSTED, { project, after: message.marker });
  const ids = await postMessages(api, project, "q", [1, 2, 3]);
  const bodies = [];
  for (const id of ids) {
    const event = await stream.next();
    expect(event?.data.messagePosted.id).toBe(id);
    bodies.push(event?.data.messagePosted.bodyText);
  }
  expect(bodies).toEqual(["1", "2", "3"]);
  stream.close();
  expect((await createClaim(api, project, "q", 10))?.messageIds).toEqual([before, ...ids]);
});

test("eight watchers see each message once while many post", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const streams = await Promise.all(Array.from({ length: 8 }, () => api.listen(POSTED, { project, after: "0" })));
  const posted = (
    await Promise.all(Array.from({ length: 10 }, (_, index) => postMessages(api, project, "q", [index, index])))
  ).flat();
  for (const stream of streams) {
    const seen = [];
    for (let count = 0; count < posted.length; count++) seen.push((await stream.next())?.data.messagePosted.id);
    expect(seen.sort()).toEqual([...posted].sort());
    stream.close();
  }
});

test("watching a queue that is missing, or gets deleted, ends with an error", async () => {
  const project = aProject();
  const missing = await api.listen(POSTED, { project });
  expect((await missing.next())?.errors?.[0]?.extensions.code).toBe("QUEUE_DOES_NOT_EXIST");
  expect(await missing.next()).toBeNull();
  await postMessages(api, project, "q", [1]);
  const stream = await api.listen(POSTED, { project, after: "0" });
  await stream.next();
  await api.run("mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
    input: { project, queue: "q" },
  });
  expect((await stream.next())?.errors?.[0]?.extensions).toMatchObject({ code: "QUEUE_DOES_NOT_EXIST", status: 404 });
  expect(await stream.next()).toBeNull();
});

test("each message's event has its marker as id, and Last-Event-ID continues after it", async () => {
  const project = aProject();
  const ids = await postMessages(api, project, "q", [1, 2]);
  const query = `subscription { messagePosted(project: "${project}", queue: "q", after: "0") { id marker } }`;
  const open = async (headers: Record<string, string>) => {
    const leaving = new AbortController();
    const response = await fetch(`${api.url}?${new URLSearchParams({ query })}`, {
      headers: { accept: "text/event-stream", ...headers },
      signal: leaving.signal,
    });
    let text = "";
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        if (text.includes(ids[1] as string)) break;
      }
    } finally {
      leaving.abort();
    }
    return text;
  };
  const [first, second] = [...(await open({})).matchAll(/^id: (\d+)\nevent: next\ndata: (.*)$/gm)];
  for (const [index, event] of [first, second].entries()) {
    expect(JSON.parse(event?.[2] ?? "")).toEqual({ data: { messagePosted: { id: ids[index], marker: event?.[1] } } });
  }
  const rest = await open({ "last-event-id": first?.[1] ?? "" });
  expect(rest).toContain(`id: ${first?.[1]}\n\nid: ${second?.[1]}\nevent: next`);
  expect(rest).not.toContain(ids[0]);
});

test("statistics come now, and again when they change", async () => {
  const project = aProject();
  await postMessages(api, project, "a", [1]);
  await createQueue(api, project, "b");
  const stream = await api.listen(STATS, { project, names: ["a", "b"] });
  const now = [await stream.next(), await stream.next()].map((event) => event?.data.queueStatsChanged);
  expect(now.sort((one, two) => one.queueName.localeCompare(two.queueName))).toEqual([
    { project, queueName: "a", stats: { ready: 1, claimed: 0 } },
    { project, queueName: "b", stats: { ready: 0, claimed: 0 } },
  ]);
  await createClaim(api, project, "a");
  expect((await stream.next())?.data.queueStatsChanged).toEqual({
    project,
    queueName: "a",
    stats: { ready: 0, claimed: 1 },
  });
  stream.close();
});

test("too many queues to watch at once are refused", async () => {
  const stream = await api.listen(STATS, {
    project: "p",
    names: Array.from({ length: 101 }, (_, index) => `q${index}`),
  });
  expect((await stream.next())?.errors?.[0]?.extensions.code).toBe("BAD_INPUT");
});

const CHANGED = "subscription W($queries: [WatchedQueryInput!]!) { answerChanged(queries: $queries) { key digest } }";

test("the answer to a query is watched: an event comes now, and when it changes", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const document = 'query Q($project: String) { queue(project: $project, queue: "q") { stats { ready } } }';
  const stream = await api.listen(CHANGED, { queries: [{ key: "mine", document, variables: { project } }] });
  const first = (await stream.next())?.data.answerChanged;
  expect(first).toEqual({ key: "mine", digest: expect.any(String) });
  await postMessages(api, project, "q", [1]);
  const second = (await stream.next())?.data.answerChanged;
  expect(second).toEqual({ key: "mine", digest: expect.any(String) });
  expect(second.digest).not.toBe(first.digest);
  stream.close();
});

test.each([
  ["a mutation", [{ key: "a", document: "mutation { collectGarbage { __typename } }" }]],
  ["a document that is refused", [{ key: "a", document: "{ nothing }" }]],
  ["variables that are no object", [{ key: "a", document: "{ __typename }", variables: [1] }]],
  ["no query", []],
  ["too many queries", Array.from({ length: 21 }, (_, index) => ({ key: `${index}`, document: "{ __typename }" }))],
])("%s is not watched", async (_what, queries) => {
  const stream = await api.listen(CHANGED, { queries });
  expect((await stream.next())?.errors?.[0]?.extensions.code).toBe("BAD_INPUT");
});
