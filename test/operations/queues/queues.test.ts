import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { admin, aService, codeOf, operator, refusal, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

const named = (queue: string) => ({ project: "p", queue });
const audits = async () =>
  (await service.operations.audit.list(admin, { page: { limit: 100 } })).items.map(
    ({ action, target, outcome }) => `${action} ${target} ${outcome}`,
  );

describe("creating a queue", () => {
  test("reports once that it was created, also to twenty concurrent callers", async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, () => service.operations.queues.create(operator, named("race"))),
    );
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect((await audits()).filter((row) => row === "createQueue race done")).toHaveLength(1);
  });

  test("keeps metadata exactly as it was sent, and ignores it when the queue exists", async () => {
    const metadataText = '{ "big": 12345678901234567890, "b":1.0,\n "_default_message_ttl": 90 }';
    const { queue } = await service.operations.queues.create(operator, { ...named("letter"), metadataText });
    expect(queue.metadata?.text).toBe(metadataText);
    expect(queue.metadata?.stored).toEqual({ defaultMessageTtlSeconds: 90 });
    expect(queue.metadata?.effective).toMatchObject({
      defaultMessageTtlSeconds: 90,
      defaultMessageDelaySeconds: 0,
      maxClaimCount: null,
    });
    const again = await service.operations.queues.create(operator, { ...named("letter"), metadataText: "{}" });
    expect(again.created).toBe(false);
    expect(again.queue.metadata?.text).toBe(metadataText);
  });

  test.each([
    ["", "BAD_INPUT"],
    ["a b", "BAD_INPUT"],
    ["a/b", "BAD_INPUT"],
    ["\u0000", "BAD_INPUT"],
    ["é", "BAD_INPUT"],
    ["x".repeat(65), "BAD_INPUT"],
    ["x".repeat(64), undefined],
    ["a.b-c_D9", undefined],
    ["..", undefined],
  ])("with the name %j is %s", async (name, code) => {
    expect(await codeOf(service.operations.queues.create(operator, named(name)))).toBe(code);
  });

  test.each([
    [named("a b"), { field: "queue" }, /letters, digits/],
    [named(""), { field: "queue", value: 0, minimum: 1, maximum: 64 }, /1 to 64/],
    [named(`${"x".repeat(64)} `), { field: "queue", value: 65, minimum: 1, maximum: 64 }, /1 to 64/],
    [{ ...named("q"), project: "\ud800" }, { field: "project" }, /half of a surrogate pair/],
    [{ ...named("q"), project: "\u0000" }, { field: "project" }, /U\+0000/],
  ])(
    "a name is refused for what is wrong with it, with numbers only for its length: %j",
    async (address, details, text) => {
      const error = await service.operations.queues.create(operator, address).catch((thrown) => thrown);
      expect(error.message).toMatch(text);
      const { queue: _queue, project: _project, ...own } = error.details;
      expect(own).toEqual(details);
    },
  );

  const metadata: [string, string | undefined][] = [
    ["[]", "BAD_INPUT"],
    ["{", "BAD_INPUT"],
    ['{"a": NaN}', "BAD_INPUT"],
    ['{"__proto__": 1}', "BAD_INPUT"],
    ['{"\\u005f_proto__": 1}', "BAD_INPUT"],
    ['{"constructor": {}}', "BAD_INPUT"],
    [`{"a": ${"[".repeat(64)}${"]".repeat(64)}}`, "BAD_INPUT"],
    [`{"a": ${"[".repeat(63)}${"]".repeat(63)}}`, undefined],
    [`{"a": "${"x".repeat(65_536)}"}`, "TOO_LARGE"],
    [`{"a": "${"é".repeat(32_763)}"}`, undefined],
    ['{"a": "\ud800"}', "BAD_INPUT"],
    ['{"_default_message_ttl": null}', "BAD_INPUT"],
    ['{"_default_message_ttl": true}', "BAD_INPUT"],
    ['{"_default_message_ttl": 60.0}', "BAD_INPUT"],
    ['{"_default_message_ttl": 59}', "BAD_INPUT"],
    ['{"_default_message_ttl": 60}', undefined],
    ['{"_default_message_ttl": 1209600}', undefined],
    ['{"_default_message_ttl": 1209601}', "BAD_INPUT"],
    ['{"_max_messages_post_size": 0}', "BAD_INPUT"],
    ['{"_max_messages_post_size": 1048577}', "BAD_INPUT"],
    ['{"_default_message_delay": 900}', undefined],
    ['{"_default_message_delay": 901}', "BAD_INPUT"],
    ['{"_max_claim_count": -1}', "BAD_INPUT"],
    ['{"_max_claim_count": 0}', "BAD_INPUT"],
    ['{"_max_claim_count": 1}', undefined],
    ['{"_max_claim_count": "3"}', "BAD_INPUT"],
    ['{"_dead_letter_queue": "other"}', undefined],
    ['{"_dead_letter_queue": "a b"}', "BAD_INPUT"],
    ['{"_dead_letter_queue": "checked"}', "BAD_INPUT"],
    ['{"_dead_letter_queue_messages_ttl": 1}', "BAD_INPUT"],
    ['{"_enable_encrypt_messages": false}', undefined],
    ['{"_enable_encrypt_messages": true}', "NOT_SUPPORTED"],
    ['{"_enable_encrypt_messages": 1}', "BAD_INPUT"],
    ['{"_flavor": "nobody"}', "FLAVOR_DOES_NOT_EXIST"],
    ['{"_flavor": 1}', "BAD_INPUT"],
    ['{"_retry_policy": {}}', undefined],
    ['{"_retry_policy": []}', "BAD_INPUT"],
    ['{"_retry_policy": {"minimum_delay": 21}}', "BAD_INPUT"],
    ['{"_retry_policy": {"minimum_delay": 21, "maximum_delay": 31}}', undefined],
    ['{"_retry_policy": {"retries_with_no_delay": true}}', "BAD_INPUT"],
    ['{"_retry_policy": {"retry_backoff_function": "random"}}', "BAD_INPUT"],
    ['{"_retry_policy": {"retry_backoff_function": "geometric"}}', undefined],
    ['{"_retry_policy": {"ignore_subscription_override": 1}}', "BAD_INPUT"],
    ['{"_metrics": true}', undefined],
    ['{"_metrics": 1}', "BAD_INPUT"],
    ['{"_ttl": null}', undefined],
  ];
  test.each(metadata.map(([metadataText, code]) => ({ shown: metadataText.slice(0, 70), metadataText, code })))(
    "with the metadata $shown is $code",
    async ({ metadataText, code }) => {
      expect(await codeOf(service.operations.queues.create(operator, { ...named("checked"), metadataText }))).toBe(
        code,
      );
    },
  );

  test("the hundred-and-first queue with metrics is refused, until another gives its place up", async () => {
    const { control, operations } = service;
    await operations.queues.delete(operator, named("checked"));
    const metadataText = '{"_metrics": true}';
    const others = Array.from({ length: 100 }, (_, number) => ({ project: "metrics", name: `q${number}` }));
    for (const queue of others) await control.queues.create(queue, metadataText);
    const tooMany = { code: "TOO_LARGE", details: { field: "_metrics", value: 101, maximum: 100 } };
    await expect(operations.queues.create(operator, { ...named("more"), metadataText })).rejects.toMatchObject(tooMany);
    expect(await control.queues.exists({ project: "p", name: "more" })).toBe(false);
    await operations.queues.create(operator, named("more"));
    const attributes = { metrics: true };
    const set = () => operations.queues.setAttributes(operator, { ...named("more"), attributes });
    await expect(set()).rejects.toMatchObject({ ...tooMany, details: { field: "attributes.metrics" } });
    await control.queues.delete({ project: "metrics", name: "q7" });
    expect((await set()).metadata?.effective.metrics).toBe(true);
    // One that has it already may change, and be created again.
    expect((await operations.queues.create(operator, { ...named("more"), metadataText })).created).toBe(false);
    await operations.queues.setAttributes(operator, { ...named("more"), attributes: { maxClaimCount: 2 } });
    for (const queue of others) await control.queues.delete(queue);
    await operations.queues.delete(operator, named("more"));
  });

  test("completes a queue that a crash left without its catalogue entry, or without its pool's row", async () => {
    await service.control.queues.create({ project: "p", name: "half" });
    await service.control.queues.create({ project: "p", name: "almost" });
    await service.control.catalogue.insert({ project: "p", name: "almost" }, "default");
    for (const queue of ["half", "almost"]) {
      expect(await service.operations.queues.create(operator, named(queue))).toMatchObject({ created: false });
      const { ids } = await service.operations.messages.post(operator, { queue, messages: [{ bodyText: "1" }] });
      expect(ids).toHaveLength(1);
    }
  });

  test("succeeds while its pool is unreachable, and the queue can be used once the pool is back", async () => {
    const attachQueue = () => Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "Out of reach."));
    const { queues } = withBroken(service, { data: { attachQueue } });
    expect((await queues.create(operator, named("early"))).created).toBe(true);
    const post = { queue: "early", messages: [{ bodyText: "1" }] };
    expect((await service.operations.messages.post(operator, post)).ids).toHaveLength(1);
  });
});

describe("who may do what", () => {
  test("a viewer reads and changes nothing, and each refusal of a change leaves a row in the audit log", async () => {
    await service.operations.queues.create(operator, named("seen"));
    expect(await service.operations.queues.get(viewer, named("seen"))).toMatchObject({ name: "seen" });
    for (const refused of [
      () => service.operations.queues.create(viewer, named("new")),
      () => service.operations.queues.delete(viewer, named("seen")),
      () => service.operations.queues.purge(viewer, named("seen")),
      () => service.operations.queues.setMetadata(viewer, { ...named("seen"), metadataText: "{}" }),
      () => service.operations.messages.bulkDelete(viewer, { project: "p", queue: "seen", ids: ["x"] }),
    ]) {
      expect(await codeOf(refused())).toBe("FORBIDDEN");
    }
    const refused = (await service.operations.audit.list(admin, { actor: "vera", page: { limit: 10 } })).items;
    expect(refused.map(({ action, outcome, project }) => [action, outcome, project])).toEqual([
      ["deleteMessages", "refused", "p"],
      ["updateQueueMetadata", "refused", "p"],
      ["purgeQueue", "refused", "p"],
      ["deleteQueue", "refused", "p"],
      ["createQueue", "refused", "p"],
    ]);
    expect(await service.operations.queues.exists(viewer, named("seen"))).toBe(true);
  });

  test("a forbidden project gives the same answer whether it exists or not", async () => {
    await service.operations.queues.create(admin, { project: "secret", queue: "hidden" });
    const there = await refusal(service.operations.queues.get(viewer, { project: "secret", queue: "hidden" }));
    const nowhere = await refusal(service.operations.queues.get(viewer, { project: "nothing", queue: "hidden" }));
    expect(there?.code).toBe("FORBIDDEN");
    // The names are those that the caller gave.
    expect(nowhere).toEqual({ code: there?.code, details: { project: "nothing", queue: "hidden" } });
    expect(there?.details).toEqual({ project: "secret", queue: "hidden" });
  });

  test("a project left out is the caller's only one", async () => {
    await service.operations.queues.create(operator, { queue: "mine" });
    expect(await service.operations.queues.exists(viewer, named("mine"))).toBe(true);
    expect(await codeOf(service.operations.queues.get(viewer, { queue: "mine" }))).toBe("BAD_INPUT");
    expect(await codeOf(service.operations.queues.get(admin, { queue: "mine" }))).toBe("BAD_INPUT");
  });

  test("the unnamed project is a project of its own, and queues whose project and name join to the same text stay apart", async () => {
    await service.operations.queues.create(admin, { project: "", queue: "mine" });
    await service.operations.queues.create(admin, { project: "a.b", queue: "c" });
    await service.operations.queues.create(admin, { project: "a", queue: "b.c" });
    await service.operations.messages.post(admin, { project: "a.b", queue: "c", messages: [{ bodyText: "1" }] });
    const stats = await service.operations.queues.statsMany(admin, {
      queues: [
        { project: "", queue: "mine" },
        { project: "a.b", queue: "c" },
        { project: "a", queue: "b.c" },
        named("no"),
      ],
    });
    expect(stats).toMatchObject([{ total: 0 }, { total: 1 }, { total: 0 }, null]);
  });

  test("statistics of a list have an error for each queue whose pool fails", async () => {
    await service.operations.queues.create(operator, named("unsaid"));
    const details = { project: "p", queue: "unsaid" };
    const error = new DomainError("STORAGE_UNAVAILABLE", "It broke.", { details });
    const { queues } = withBroken(service, { data: { tryStats: async (asked) => asked.map(() => error) } });
    expect(await queues.statsMany(operator, { queues: [named("unsaid")] })).toEqual([error]);
    const listed = await queues.list(operator, { ...named("unsaid"), filter: { search: "unsaid" }, withStats: true });
    expect(listed.items).toMatchObject([{ name: "unsaid", stats: error }]);
  });
});

describe("metadata", () => {
  test("is replaced as a whole, and applies to the next post", async () => {
    await service.operations.queues.create(operator, named("meta"));
    await service.operations.messages.post(operator, { queue: "meta", messages: [{ bodyText: "1" }] });
    const metadataText = '{"_default_message_ttl":61,"mine":[1e400]}';
    const queue = await service.operations.queues.setMetadata(operator, { ...named("meta"), metadataText });
    expect(queue.metadata?.text).toBe(metadataText);
    await service.operations.messages.post(operator, { queue: "meta", messages: [{ bodyText: "2" }] });
    const newest = await service.operations.messages.first(operator, { queue: "meta", sort: "newest" });
    expect(newest.ttlSeconds).toBe(61);
  });

  test("is patched key by key, all or nothing, and keeps the other values exactly", async () => {
    const metadataText = '{"a": 1.0, "b": 9007199254740993, "a/b": {"x" : 1}}';
    await service.operations.queues.create(operator, { ...named("patched"), metadataText });
    const patch = (...changes: Parameters<typeof service.operations.queues.patchMetadata>[1]["changes"]) =>
      service.operations.queues.patchMetadata(operator, { ...named("patched"), changes });
    const after = await patch(
      { op: "replace", key: "a", valueText: "2.50" },
      { op: "add", key: "c", valueText: " [1, 2] " },
      { op: "remove", key: "_max_claim_count" },
    );
    expect(after.metadata?.text).toBe('{"a":2.50,"b":9007199254740993,"a/b":{"x" : 1},"c":[1, 2]}');
    expect(await codeOf(patch({ op: "remove", key: "a" }, { op: "replace", key: "gone", valueText: "1" }))).toBe(
      "BAD_INPUT",
    );
    expect(
      await codeOf(patch({ op: "remove", key: "a" }, { op: "add", key: "_default_message_ttl", valueText: "1" })),
    ).toBe("BAD_INPUT");
    expect(await codeOf(patch({ op: "add", key: "__proto__", valueText: "1" }))).toBe("BAD_INPUT");
    expect((await service.operations.queues.get(operator, named("patched"))).metadata?.text).toBe(after.metadata?.text);
  });

  test("loses none of twenty patches made at the same time", async () => {
    await service.operations.queues.create(operator, named("crowded"));
    const changes = Array.from({ length: 20 }, (_, index) => ({
      op: "add" as const,
      key: `k${index}`,
      valueText: `${index}`,
    }));
    await Promise.all(
      changes.map((change) =>
        service.operations.queues.patchMetadata(operator, { ...named("crowded"), changes: [change] }),
      ),
    );
    const { metadata } = await service.operations.queues.get(operator, named("crowded"));
    expect(Object.keys(JSON.parse(metadata?.text ?? ""))).toHaveLength(20);
  });

  test("of a missing queue is QUEUE_DOES_NOT_EXIST", async () => {
    const missing = named("missing");
    expect(await codeOf(service.operations.queues.get(operator, missing))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(service.operations.queues.setMetadata(operator, { ...missing, metadataText: "{}" }))).toBe(
      "QUEUE_DOES_NOT_EXIST",
    );
    expect(await codeOf(service.operations.queues.stats(operator, missing))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(service.operations.queues.purge(operator, missing))).toBe("QUEUE_DOES_NOT_EXIST");
  });
});

describe("lists", () => {
  test("go by name in pages both ways, with the statistics of the rows that are shown", async () => {
    for (const name of ["l-a", "l-b", "l-c"]) {
      await service.operations.messages.post(operator, {
        queue: name,
        messages: [{ bodyText: "1" }],
        createQueue: true,
      });
    }
    const list = (page: object) =>
      service.operations.queues.list(operator, {
        filter: { search: "l-" },
        page: { limit: 2, ...page },
        withStats: true,
      });
    const first = await list({});
    expect(first.items).toMatchObject([
      { name: "l-a", stats: { total: 1 }, metadata: null },
      { name: "l-b", stats: { total: 1 }, metadata: null },
    ]);
    const second = await list({ after: first.nextMarker });
    expect(second.items.map(({ name }) => name)).toEqual(["l-c"]);
    expect((await list({ before: "l-c" })).items.map(({ name }) => name)).toEqual(["l-a", "l-b"]);
    expect(await codeOf(list({ limit: 101 }))).toBe("BAD_INPUT");
    expect(await codeOf(list({ limit: 0 }))).toBe("BAD_INPUT");
    expect(await service.operations.queues.count(operator, { filter: { search: "l-" } })).toEqual({
      value: 3,
      exact: true,
    });
  });

  test("a list across projects has those of all that the caller may see", async () => {
    const all = await service.operations.queues.list(admin, { allProjects: true, filter: { search: "mine" } });
    expect(all.items.map(({ project }) => project)).toEqual(["", "p"]);
    for (const some of [viewer, operator]) {
      const own = await service.operations.queues.list(some, { allProjects: true, filter: { search: "mine" } });
      expect(own.items.map(({ project }) => project)).toEqual(["p"]);
      const counted = await service.operations.queues.count(some, { allProjects: true, filter: { search: "mine" } });
      expect(counted).toEqual({ value: 1, exact: true });
    }
  });

  test("the list of projects shows only those that the caller may see", async () => {
    const all = await service.operations.projects.list(admin, {});
    expect(all.items.map(({ name }) => name)).toEqual(["", "a", "a.b", "p", "secret"]);
    const own = await service.operations.projects.list(viewer, { page: { limit: 1 } });
    expect(own).toEqual({ items: [{ name: "p" }], markers: ["=p"], nextMarker: "=p", previousMarker: null });
    expect(await service.operations.projects.list(viewer, { page: { limit: 5, after: own.nextMarker } })).toEqual({
      items: [{ name: "q" }],
      markers: ["=q"],
      nextMarker: null,
      previousMarker: "=q",
    });
  });
});

describe("deleting and purging", () => {
  const post = (queue: string) =>
    service.operations.messages.post(operator, { queue, messages: [{ bodyText: "1" }, { bodyText: "2" }] });

  test("a deleted queue is gone with its messages, also for a process that still caches it", async () => {
    const other = await service.another();
    await service.operations.queues.create(operator, named("short"));
    await post("short");
    await other.operations.messages.post(operator, { queue: "short", messages: [{ bodyText: "3" }] });
    expect(await service.operations.queues.delete(operator, named("short"))).toMatchObject({ deleted: 1 });
    expect(await service.operations.queues.delete(operator, named("short"))).toMatchObject({ deleted: 0 });
    expect(await codeOf(post("short"))).toBe("QUEUE_DOES_NOT_EXIST");
    // The other process still caches the queue. Its statement finds that the queue is gone.
    expect(
      await codeOf(other.operations.messages.post(operator, { queue: "short", messages: [{ bodyText: "4" }] })),
    ).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await service.operations.catalogue.exists(operator, { queue: "short" })).toBe(false);
    await service.operations.queues.create(operator, named("short"));
    expect((await service.operations.queues.stats(operator, named("short"))).total).toBe(0);
  });

  test("of twenty concurrent deletes one deletes the queue, with one audit entry", async () => {
    await service.operations.queues.create(operator, named("fought-over"));
    const made = await Promise.all(
      Array.from({ length: 20 }, () => service.operations.queues.delete(operator, named("fought-over"))),
    );
    expect(made.filter(({ deleted }) => deleted)).toHaveLength(1);
    expect((await audits()).filter((row) => row === "deleteQueue fought-over done")).toHaveLength(1);
  });

  test("a queue that is created, deleted and posted to concurrently stays intact", async () => {
    const name = "churned";
    const other = await service.another();
    const clients = [service, other].flatMap(({ operations }) => [
      () => operations.queues.create(operator, named(name)),
      () => operations.queues.delete(operator, named(name)),
      () => operations.messages.post(operator, { queue: name, messages: [{ bodyText: "1" }], createQueue: true }),
    ]);
    const codes = await Promise.all(
      clients.map(async (client) => {
        const met: (string | undefined)[] = [];
        for (let round = 0; round < 25; round += 1) met.push(await codeOf(client()));
        return met;
      }),
    );
    // Between a lookup and a post the queue may be deleted or be changing. No other error may occur.
    const expected = new Set([undefined, "QUEUE_DOES_NOT_EXIST", "STORAGE_UNAVAILABLE"]);
    expect(codes.flat().filter((code) => !expected.has(code))).toEqual([]);
    await service.operations.queues.create(operator, named(name));
    const { ids } = await service.operations.messages.post(operator, {
      queue: name,
      messages: [{ bodyText: '"last"' }],
    });
    const found = await other.operations.messages.get(operator, { queue: name, id: ids[0] as string });
    expect(found.bodyText).toBe('"last"');
    await service.operations.queues.delete(operator, named(name));
    await service.operations.gc.collect(admin, {});
    expect(await service.operations.catalogue.exists(operator, { queue: name })).toBe(false);
    expect(await service.operations.messages.list(operator, { queue: name })).toMatchObject({ items: [] });
  });

  test("subscriptions outlive their queue, in its pool, and belong to it again when it is created again", async () => {
    await service.operations.queues.create(operator, named("outlived"));
    const { subscription } = await service.operations.subscriptions.create(operator, {
      queue: "outlived",
      subscriber: "http://example.com/hook",
    });
    const before = await service.operations.catalogue.get(operator, { queue: "outlived" });
    await service.operations.queues.delete(operator, named("outlived"));
    expect((await service.operations.subscriptions.list(operator, { queue: "outlived" })).items).toHaveLength(1);
    await service.operations.queues.create(operator, named("outlived"));
    const after = await service.operations.catalogue.get(operator, { queue: "outlived" });
    expect(after.pool).toBe(before.pool);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    const found = await service.operations.subscriptions.get(operator, { queue: "outlived", id: subscription.id });
    expect(found.subscriber).toBe("http://example.com/hook");
  });

  test("garbage collection frees what an interrupted deletion left", async () => {
    await service.operations.queues.create(operator, named("buried"));
    await post("buried");
    // As a crash leaves it: without the queue's record, with its catalogue entry and its row in the pool.
    await service.control.queues.delete({ project: "p", name: "buried" });
    await service.operations.gc.collect(admin, {});
    expect(await service.operations.catalogue.exists(operator, { queue: "buried" })).toBe(false);
    await service.operations.queues.create(operator, named("buried"));
    expect((await service.operations.queues.stats(operator, named("buried"))).total).toBe(0);
  });

  test("garbage collection finds the dead letter queues that a process of an older version set", async () => {
    const [first, second] = ['{"_dead_letter_queue":"first"}', String.raw`{"\u005fdead_letter_queue":"second"}`];
    const changes: [name: string, before: string, after: string][] = [
      ["kept", first, first],
      ["missing", "{}", first],
      ["stale", first, second],
      ["gone", first, "{}"],
    ];
    const connections = new pg.Pool({ connectionString: service.config.DATABASE_URL, max: 1 });
    try {
      for (const [name, before, after] of changes) {
        await service.operations.queues.create(operator, { ...named(name), metadataText: before });
        await connections.query("UPDATE queues SET metadata = $1 WHERE project = 'p' AND name = $2", [after, name]);
      }
    } finally {
      await connections.end();
    }
    const usersOf = async (name: string) => {
      const queues = [{ project: "p", name }];
      return (await service.control.queues.listByDeadLetterQueues({ queues, limit: 10 }))[0];
    };
    expect(await usersOf("first")).toEqual(["gone", "kept", "stale"]);
    await service.operations.gc.collect(admin, {});
    expect([await usersOf("first"), await usersOf("second")]).toEqual([["kept", "missing"], ["stale"]]);
  });

  test("a purge before a bound spares later messages and all subscriptions, and names the bound in the audit log", async () => {
    await service.operations.queues.create(operator, named("trimmed"));
    await post("trimmed");
    const subscriber = "https://example.com/trimmed";
    await service.operations.subscriptions.create(operator, { queue: "trimmed", subscriber });
    const { marker } = await service.operations.messages.first(operator, { queue: "trimmed", sort: "newest" });
    const { queues } = service.operations;
    const purge = (changes: object) => queues.purge(operator, { ...named("trimmed"), ...changes });
    const wrong = [
      null,
      {},
      { marker: "x" },
      { marker: "-1" },
      { marker: "9".repeat(19) },
      { marker, time: new Date() },
    ];
    for (const before of wrong) {
      expect(await codeOf(purge({ before }))).toBe("BAD_INPUT");
    }
    expect(await codeOf(purge({ before: { marker }, resources: ["subscriptions"] }))).toBe("BAD_INPUT");
    const request = { before: { marker }, idempotencyKey: "k" };
    for (let time = 0; time < 2; time += 1)
      expect(await purge(request)).toMatchObject({ messages: 1, subscriptions: 0 });
    expect(await codeOf(purge({ ...request, before: { time: new Date() } }))).toBe("IDEMPOTENCY_KEY_REUSED");
    const { items } = await service.control.audit.list({ projects: ["p"], page: { limit: 2 } });
    expect(JSON.parse(items[1]?.detailsText ?? "")).toMatchObject({ before: { marker }, messages: 1 });
    expect(await purge({ before: { time: new Date(Date.now() + 60_000) } })).toMatchObject({
      messages: 1,
      subscriptions: 0,
    });
    expect(await purge({})).toMatchObject({ messages: 0, subscriptions: 1 });
  });

  test("a purge takes claimed messages and all subscriptions, and says so in the audit log", async () => {
    await service.operations.queues.create(operator, { ...named("purged"), metadataText: '{"keep":1}' });
    await post("purged");
    await service.operations.claims.create(operator, { queue: "purged", limit: 1 });
    for (let index = 0; index < 12; index += 1) {
      const subscriber = `http://example.com/${index}`;
      await service.operations.subscriptions.create(operator, { queue: "purged", subscriber });
    }
    const purge = (resources?: readonly ("messages" | "subscriptions")[]) =>
      service.operations.queues.purge(operator, { ...named("purged"), resources });
    expect(await purge([])).toMatchObject({ messages: 0, subscriptions: 0 });
    expect((await service.operations.queues.stats(operator, named("purged"))).total).toBe(2);
    expect(await purge(["messages"])).toMatchObject({ messages: 2, subscriptions: 0 });
    expect((await service.operations.queues.stats(operator, named("purged"))).total).toBe(0);
    expect(await purge()).toMatchObject({ messages: 0, subscriptions: 12 });
    expect(await codeOf(purge(["claims" as "messages"]))).toBe("BAD_INPUT");
    expect((await service.operations.queues.get(operator, named("purged"))).metadata?.text).toBe('{"keep":1}');
    const [row] = (await service.operations.audit.list(admin, { page: { limit: 1 } })).items;
    expect(row).toMatchObject({
      action: "purgeQueue",
      target: "purged",
      outcome: "done",
      actor: "otto",
      requestId: "r-otto",
    });
    expect(JSON.parse(row?.detailsText ?? "")).toEqual({
      resources: ["messages", "subscriptions"],
      messages: 0,
      subscriptions: 12,
    });
  });
});
