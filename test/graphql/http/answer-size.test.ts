/** Answers are bounded in bytes. A client that continues as the schema says still gets everything once. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { expect, test } from "vitest";
import { aProject, createQueue, startApi } from "../api.ts";

const { api } = startApi();
const MIB = 1_048_576;
const LARGEST = JSON.stringify("x".repeat(MIB - 2));

async function postLarge(project: string, count: number): Promise<string[]> {
  const query = "mutation P($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
  const input = { project, queue: "q", createQueue: true, messages: [{ body: { text: LARGEST } }] };
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(...(await api.run(query, { input })).postMessages.ids);
  return ids;
}
const idsOf = (messages: { id: string }[]) => messages.map(({ id }) => id);

test("a reader that follows the markers, a claimer and a popper get two dozen of the largest messages once each", async () => {
  const project = aProject();
  const ids = await postLarge(project, 24);

  const seen: string[] = [];
  for (let after: string | null = null; ; ) {
    const { queue } = await api.run(
      'query R($project: String, $after: String) { queue(project: $project, queue: "q") { messages(first: 100, after: $after) { nodes { id bodyText } pageInfo { hasNextPage endCursor } } } }',
      { project, after },
    );
    const { nodes, pageInfo } = queue.messages;
    expect(nodes.length).toBeLessThanOrEqual(4);
    seen.push(...idsOf(nodes));
    after = pageInfo.endCursor;
    if (!pageInfo.hasNextPage) break;
  }
  expect(seen).toEqual(ids);

  const got: string[] = [];
  for (let rest = ids.slice(0, 10); ; rest = rest.slice(rest.indexOf(got.at(-1) as string) + 1)) {
    const { queue } = await api.run(
      'query G($project: String, $ids: [ID!]!) { queue(project: $project, queue: "q") { messagesById(ids: $ids) { id } } }',
      { project, ids: rest },
    );
    if (queue.messagesById.length === 0) break;
    got.push(...idsOf(queue.messagesById));
  }
  expect(got).toEqual(ids.slice(0, 10));

  const claimed: string[] = [];
  while (claimed.length < 12) {
    const { createClaim } = await api.run(
      "mutation C($input: CreateClaimInput!) { createClaim(input: $input) { messages { id } claim { messageCount } } }",
      { input: { project, queue: "q", limit: 100 } },
    );
    expect(createClaim.claim.messageCount).toBe(createClaim.messages.length);
    claimed.push(...idsOf(createClaim.messages));
  }
  const popped: string[] = [];
  for (;;) {
    const { popMessages } = await api.run(
      "mutation P($input: PopMessagesInput!) { popMessages(input: $input) { messages { id } } }",
      { input: { project, queue: "q", limit: 100 } },
    );
    if (popMessages.messages.length === 0) break;
    popped.push(...idsOf(popMessages.messages));
  }
  expect([...claimed, ...popped]).toEqual(ids);
});

test("the answer to one request is bounded, however its document asks, and does not block the event loop", async () => {
  const project = aProject();
  await postLarge(project, 20);
  const aliases = Array.from({ length: 8 }, (_, index) => index);
  const page = (field: string) => `messages(first: 100) { nodes { ${field} } }`;
  const parts = [
    aliases.map((index) => `a${index}: ${page("bodyText")}`).join(" "),
    `messages(first: 100) { nodes { ${aliases.map((index) => `a${index}: bodyText`).join(" ")} } }`,
    page("...F"),
  ];
  const delay = monitorEventLoopDelay({ resolution: 5 });
  for (const [index, part] of parts.entries()) {
    const fragment =
      index === 2 ? "fragment F on Message { body b: body ...G } fragment G on Message { c: bodyText }" : "";
    delay.reset();
    delay.enable();
    const { text, errors } = await api.send(
      `query Q($project: String) { queue(project: $project, queue: "q") { ${part} } } ${fragment}`,
      { project },
    );
    delay.disable();
    expect(text.length).toBeLessThan(17 * MIB);
    // The first document asks for eight pages. Those that do not fit are errors, not cut off.
    expect(errors?.[0]?.extensions.code).toBe(index === 0 ? "TOO_LARGE" : undefined);
    expect(delay.max / 1e6).toBeLessThan(1000);
  }
});

test("a pop takes only messages that the answer can hold, and returns all that it took", async () => {
  const project = aProject();
  const ids = await postLarge(project, 22);
  const pop = "popMessages(input: $input) { messages { id bodyText } }";
  const { data, errors } = await api.send(
    `mutation P($input: PopMessagesInput!) { ${[1, 2, 3, 4, 5].map((index) => `p${index}: ${pop}`).join(" ")} }`,
    { input: { project, queue: "q", limit: 100 } },
  );
  expect(errors).toHaveLength(1);
  expect(errors?.[0]).toMatchObject({ path: ["p5"], extensions: { code: "TOO_LARGE" } });
  expect(errors?.[0]?.message).toContain("request of its own");
  const taken = [data?.p1, data?.p2, data?.p3, data?.p4].flatMap((payload) => idsOf(payload.messages));
  expect(taken).toEqual(ids.slice(0, 16));
  const { queue } = await api.run(
    'query S($project: String) { queue(project: $project, queue: "q") { stats { total } } }',
    { project },
  );
  expect(queue.stats.total).toBe(6);
});

test("other large values count each time that the answer repeats them", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { text: "x".repeat(60_000) });
  const once = (
    await api.run('query M($project: String) { queue(project: $project, queue: "q") { metadataText } }', { project })
  ).queue;
  expect(once.metadataText.length).toBeGreaterThan(60_000);
  for (let index = 0; index < 30; index += 1)
    await createQueue(api, project, `q${index}`, { text: "x".repeat(60_000) });
  const many = Array.from({ length: 20 }, (_, index) => `a${index}: metadata`).join(" ");
  const query = `query M($project: String) { queues(project: $project, first: 31) { nodes { ${many} } } }`;
  expect(await api.codeOf(query, { project })).toBe("TOO_LARGE");
});
