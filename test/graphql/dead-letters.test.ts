import { expect, test } from "vitest";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api } = startApi();

test("a queue says whether its dead letter queue is missing, in a list too", async () => {
  const project = aProject();
  await createQueue(api, project, "a", { _max_claim_count: 1, _dead_letter_queue: "there" });
  await createQueue(api, project, "b", { _max_claim_count: 1, _dead_letter_queue: "not-there" });
  await createQueue(api, project, "there");
  const query = "query Q($project: String) { queues(project: $project) { nodes { name deadLetterQueueMissing } } }";
  expect((await api.run(query, { project })).queues.nodes).toEqual([
    { name: "a", deadLetterQueueMissing: false },
    { name: "b", deadLetterQueueMissing: true },
    { name: "there", deadLetterQueueMissing: false },
  ]);
});

test("a queue leads to its dead letter queue, and names the queues that it is one for, in a list too", async () => {
  const project = aProject();
  await createQueue(api, project, "a", { _dead_letter_queue: "there" });
  await createQueue(api, project, "b", { _dead_letter_queue: "not-there" });
  await createQueue(api, project, "c", { _dead_letter_queue: "there" });
  await createQueue(api, project, "there");
  const query = `query Q($project: String) {
    queues(project: $project) { nodes { deadLetterQueue { name stats { total } } deadLetterSources } }
  }`;
  const there = { name: "there", stats: { total: 0 } };
  expect((await api.run(query, { project })).queues.nodes).toEqual([
    { deadLetterQueue: there, deadLetterSources: [] },
    { deadLetterQueue: null, deadLetterSources: [] },
    { deadLetterQueue: there, deadLetterSources: [] },
    { deadLetterQueue: null, deadLetterSources: ["a", "c"] },
  ]);
});

test("messages that a missing dead letter queue keeps back are exhausted, and are shown when asked for", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { _max_claim_count: 1, _dead_letter_queue: "nowhere" });
  await postMessages(api, project, "q", [1]);
  const claim = await createClaim(api, project, "q");
  const input = { project, queue: "q", claimId: claim?.id };
  await api.run("mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }", { input });
  const query = `query Q($project: String) { queue(project: $project, queue: "q") {
    stats { ready claimed delayed exhausted total }
    messages { nodes { state } }
    all: messages(includeExhausted: true) { nodes { state } }
    oldestMessage { state }
  } }`;
  expect((await api.run(query, { project })).queue).toEqual({
    stats: { ready: 0, claimed: 0, delayed: 0, exhausted: 1, total: 1 },
    messages: { nodes: [] },
    all: { nodes: [{ state: "EXHAUSTED" }] },
    oldestMessage: { state: "EXHAUSTED" },
  });
});

test("a dead letter tells from which queue it came, how often it was delivered there, and who had it last", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { _max_claim_count: 1, _dead_letter_queue: "dead" });
  await createQueue(api, project, "dead");
  const [id] = await postMessages(api, project, "q", [1]);
  const claim = "mutation C($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } deadLettered } }";
  const input = { project, queue: "q" };
  const first = (await api.run(claim, { input: { ...input, clientId: "worker 1" } })).createClaim;
  const release = "mutation R($input: ReleaseMessagesInput!) { releaseMessages(input: $input) { released } }";
  await api.run(release, { input: { ...input, claimId: first.claim.id, ids: [id] } });
  expect((await api.run(claim, { input: { ...input, clientId: "worker 2" } })).createClaim.deadLettered).toBe(1);
  const query = `query D($p: String, $id: ID!) { message(project: $p, queue: "dead", id: $id) {
    claimCount deadLettered { queueName queue { name } at deliveries clientId claimId }
  } }`;
  expect((await api.run(query, { p: project, id })).message).toEqual({
    claimCount: 0,
    deadLettered: {
      queueName: "q",
      queue: { name: "q" },
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      deliveries: 1,
      clientId: "worker 1",
      claimId: null,
    },
  });
});

test("a message shows Zaqar's checksum of its body", async () => {
  const project = aProject();
  const input = { project, queue: "q", createQueue: true, messages: [{ body: { text: '{"b": 1, "a": "é"}' } }] };
  await api.run("mutation P($input: PostMessagesInput!) { postMessages(input: $input) { ids } }", { input });
  const query = 'query M($project: String) { queue(project: $project, queue: "q") { oldestMessage { checksum } } }';
  expect((await api.run(query, { project })).queue.oldestMessage).toEqual({
    checksum: "MD5:b9622a81c98224c56eb3afdd8f51b202",
  });
});
