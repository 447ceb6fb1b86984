import { expect, test, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import { EXPORT_LISTS } from "../../server/graphql/exports/lists.ts";
import { callerWith } from "../support/access.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api, server } = startApi({ MAX_PAGE_SIZE: "3", DEFAULT_PAGE_SIZE: "3" });

const get = (file: string, parameters: string[][] = []) =>
  fetch(`${server().url}/api/export/${file}?${new URLSearchParams(parameters)}`);

async function rowsOf(list: string, parameters: string[][] = []) {
  const response = await get(`${list}.ndjson`, parameters);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as any]));
}

async function errorOf(file: string, parameters: string[][] = []) {
  const response = await get(file, parameters);
  const { errors } = (await response.json()) as { errors: { message: string; extensions: { code: string } }[] };
  return { status: response.status, code: errors[0]?.extensions.code, message: errors[0]?.message };
}

test("every list can be exported, and shows to a caller what the list shows", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  await postMessages(api, project, "q", [1, 2]);
  await createClaim(api, project, "q");
  await server().engine.operations.keyValueStores.create(callerWith("admin", "all", "a"), { store: "exported" });
  const needs: Record<string, string[][]> = {
    ...Object.fromEntries(
      ["messages", "queue-claims", "consumers", "subscriptions"].map((name) => [name, [["queue", "q"]]]),
    ),
    "key-value-keys": [["store", "exported"]],
  };
  const texts = await Promise.all(
    Object.entries(EXPORT_LISTS).map(async ([name, { args }]) => {
      const parameters = [...(args.includes("$project") ? [["project", project]] : []), ...(needs[name] ?? [])];
      let response = await get(`${name}.csv`, parameters);
      // A process writes a few at a time.
      await vi.waitFor(async () => {
        if (response.status === 429) response = await get(`${name}.csv`, parameters);
        expect(response.status, name).toBe(200);
      });
      return [name, (await response.text()).split("\r\n").slice(0, -1)] as const;
    }),
  );
  const lines = Object.fromEntries(texts);
  expect(lines.queues?.[0]).toContain("project,name,createdAt,updatedAt,catalogueEntry.poolName,");
  expect(lines.queues).toHaveLength(2);
  expect(lines.messages).toHaveLength(3);
  expect(lines["queue-claims"]).toHaveLength(2);
  expect(lines.catalogue?.[1]).toMatch(new RegExp(`^${project},q,default,\\d+$`));
  expect(lines.pools?.[1]).toMatch(/^default,true,/);
  expect(lines.audit?.[1]).toContain(`,local,createQueue,${project},q,QUEUE,DONE,,`);
  for (const [name, [head = ""]] of texts) expect(head, name).not.toBe("");
});

test("an export goes through all pages, in the order and with the filter of the list", async () => {
  const project = aProject();
  const names = Array.from({ length: 8 }, (_, index) => `queue-${index}`);
  for (const name of [...names, "other"]) await createQueue(api, project, name, { note: "=1" });
  const order = [
    ["orderBy.field", "NAME"],
    ["orderBy.direction", "DESC"],
  ];
  const rows = await rowsOf("queues", [["project", project], ["filter.search", "queue-"], ...order]);
  expect(rows.map(({ name }) => name)).toEqual(names.toReversed());
  expect(rows[0]).toMatchObject({ project, stats: { total: 0, exact: true }, metadataText: expect.any(String) });
});

test("messages are exported as they were posted: the exact body, the headers, and where they came from", async () => {
  const project = aProject();
  const post = "mutation P($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
  const bodies = ["12345678901234567890", '{"b": 1.0, "a":"\\u00e9"}', '"=cmd"', "4", "5"];
  const messages = bodies.map((text) => ({ body: { text }, headers: [{ name: "trace", value: "1" }] }));
  await createQueue(api, project, "dead");
  await createQueue(api, project, "q", { _max_claim_count: 1, _dead_letter_queue: "dead" });
  for (const part of [messages.slice(0, 3), messages.slice(3)]) {
    await api.run(post, { input: { project, queue: "q", messages: part } });
  }
  const of = (queue: string) => [
    ["project", project],
    ["queue", queue],
  ];
  const rows = await rowsOf("messages", of("q"));
  expect(rows.map(({ bodyText }) => bodyText)).toEqual(bodies);
  expect(rows[0]).toMatchObject({ queueName: "q", state: "READY", headers: [{ name: "trace", value: "1" }] });
  expect((await (await get("messages.csv", of("q"))).text()).split("\r\n")[3]).toMatch(/,"""=cmd"""$/);

  const claim = await createClaim(api, project, "q", 2);
  await rowsOf("messages", [...of("q"), ["filter.states", "CLAIMED"], ["filter.states", "DELAYED"]]).then((held) =>
    expect(held.map(({ claim: { id } }) => id)).toEqual([claim?.id, claim?.id]),
  );
  expect(await rowsOf("messages", [...of("q"), ["filter.bodyContains", "cmd"]])).toHaveLength(1);
  const release = "mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }";
  await api.run(release, { input: { project, queue: "q", claimId: claim?.id } });
  await createClaim(api, project, "q", 1);
  expect((await rowsOf("messages", of("dead")))[0]).toMatchObject({ deadLettered: { queueName: "q", deliveries: 1 } });
});

test("a viewer's file of messages has what a viewer's page shows of them: the paths of the rule, and no more", async () => {
  const project = aProject();
  const secret = "hidden-card-number";
  await postMessages(api, project, "q", [{ id: 7, card: secret }]);
  await server().engine.operations.bodies.setRule(callerWith("admin"), {
    project,
    readBy: "operator",
    maskedPaths: ["$.card"],
  });
  const bodyFor = async (role: string, format: string) => {
    const parameters = new URLSearchParams({ project, queue: "q" });
    const url = `${server().url}/api/export/messages.${format}?${parameters}`;
    const response = await fetch(url, { headers: { "x-roles": role } });
    return response.text();
  };
  for (const format of ["csv", "ndjson"]) {
    expect(await bodyFor("operator", format), format).toContain(secret);
    const seen = await bodyFor("viewer", format);
    expect(seen, format).not.toContain(secret);
    expect(seen, format).toMatch(/7.*\*\*\*/);
  }
});

test("wrong parameters are refused before anything is written, and the error names those that fit", async () => {
  const unknown = await errorOf("queues.csv", [["filter.serach", "x"]]);
  expect(unknown).toMatchObject({ status: 400, code: "BAD_INPUT" });
  expect(unknown.message).toContain("filter.search");
  const twice = [
    ["project", "a"],
    ["project", "b"],
  ];
  expect(await errorOf("queues.csv", twice)).toMatchObject({ status: 400, code: "BAD_INPUT" });
  for (const wrong of [
    ["filter", "x"],
    ["project.name", "x"],
    ["first", "1"],
    ["orderBy.field", "SIZE"],
    ["__proto__.x", "1"],
  ]) {
    expect(await errorOf("queues.csv", [["allProjects", "true"], wrong])).toMatchObject({ code: "BAD_INPUT" });
  }
  expect(await errorOf("queues.csv")).toMatchObject({ status: 400, code: "BAD_INPUT" });
  expect(await errorOf("consumers.csv", [["project", "p"]])).toMatchObject({ status: 400, code: "BAD_INPUT" });
  expect(
    await errorOf("messages.ndjson", [
      ["project", "p"],
      ["queue", "none"],
    ]),
  ).toMatchObject({
    status: 404,
    code: "QUEUE_DOES_NOT_EXIST",
  });
  expect((await errorOf("everything.csv")).message).toContain("queues");
});

test("a page that may be asked for again is; another failure breaks the export off", async () => {
  const project = aProject();
  for (let index = 0; index < 5; index += 1) await createQueue(api, project, `queue-${index}`);
  const { queues } = server().engine.operations;
  const { list } = queues;
  const failing = (error: DomainError, times: number) => {
    let left = times;
    return vi.spyOn(queues, "list").mockImplementation((access, params) => {
      const isSecond = params.page?.after != null;
      if (isSecond && left > 0) {
        left -= 1;
        return Promise.reject(error);
      }
      return list(access, params);
    });
  };
  const moved = failing(new DomainError("QUEUE_EPOCH_STALE", "It moved."), 1);
  expect(await rowsOf("queues", [["project", project]])).toHaveLength(5);
  moved.mockRestore();
  const forbidden = failing(new DomainError("FORBIDDEN", "No more."), 1);
  const response = await get("queues.ndjson", [["project", project]]);
  await expect(response.text()).rejects.toThrow();
  forbidden.mockRestore();
});
