import { afterAll, beforeAll, expect, test } from "vitest";
import { SETTINGS_FORMAT, splitSettings } from "../../server/operations/settings-file/format.ts";
import { MAX_OBJECTS } from "../../server/operations/settings-file/import.ts";
import { limitedTo } from "../support/access.ts";
import { admin, aService, codeOf, operator, refusal, type Service, viewer } from "./a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

const file = (parts: object) => JSON.stringify({ format: SETTINGS_FORMAT, version: 1, ...parts });
const bring = (text: string, options: { dryRun?: boolean; verifyPools?: boolean } = { verifyPools: false }) =>
  service.operations.settingsFile.import(admin, { text, ...options });
const written = (project?: string) =>
  service.operations.settingsFile.text(admin, project === undefined ? {} : { project });
const metadataOf = async (queue: string) =>
  (await service.operations.queues.get(admin, { project: "p", queue })).metadata?.text;

const POOLS = [
  { name: "fast", uri: "redis://u:secret@127.0.0.1:1/0", weight: 100, flavor: "quick", options: { a: 1 } },
  { name: "slow", uri: "postgres://u@127.0.0.1:1/d", weight: 0, flavor: null, options: {} },
];
const WORLD = {
  pools: POOLS,
  flavors: [{ project: "p", name: "quick" }],
  queues: [{ project: "p", name: "orders", metadata: { _max_claim_count: 3, note: "x" } }],
};

test("an import makes what the file says, step by step, and a repeat finds nothing to do", async () => {
  const planned = await bring(file(WORLD), { dryRun: true, verifyPools: false });
  expect(planned.changes.map(({ kind, name, action, done, error }) => [kind, name, action, done, error])).toEqual([
    ["pool", "fast", "create", false, null],
    ["pool", "slow", "create", false, null],
    ["flavor", "quick", "create", false, null],
    ["queue", "orders", "create", false, null],
  ]);
  expect(planned.changes[0]?.afterText).toBe(
    '{"uri":"redis://u:***@127.0.0.1:1/0","weight":100,"flavor":"quick","options":{"a":1}}',
  );
  expect(await service.operations.pools.exists(admin, { pool: "fast" })).toBe(false);

  const done = await bring(file(WORLD));
  expect(done.changes.every((change) => change.done && change.error === null)).toBe(true);
  expect(await metadataOf("orders")).toBe('{"_max_claim_count":3,"note":"x"}');
  expect(await bring(file(WORLD))).toEqual({ changes: [], unchanged: 4 });

  const { items } = await service.operations.audit.list(admin, { action: "importSettings", page: { limit: 2 } });
  expect(items.map(({ detailsText }) => JSON.parse(detailsText))).toEqual([
    { objects: 4, created: 0, updated: 0, failed: 0 },
    { objects: 4, created: 4, updated: 0, failed: 0 },
  ]);
});

test("what was exported holds no password, is unchanged when it comes back, and keeps metadata to the letter", async () => {
  const metadataText = '{"big": 12345678901234567890, "one": 1.0,\n "10": 1, "2": 2}';
  await service.operations.queues.create(admin, { project: "p", queue: "exact", metadataText });
  const text = await written();
  expect(text).not.toContain("secret");
  expect(text).toContain('{"name": "fast", "uri": "redis://u:***@127.0.0.1:1/0", "weight": 100, "flavor": "quick"');
  expect(text).toContain('"metadata": {"big": 12345678901234567890, "one": 1.0,  "10": 1, "2": 2}}');
  expect(JSON.parse(text)).toMatchObject({ format: SETTINGS_FORMAT, version: 1, flavors: [{ project: "p" }] });
  expect((await bring(text)).changes).toEqual([]);
  await service.operations.queues.delete(admin, { project: "p", queue: "exact" });
  expect((await bring(text)).changes).toMatchObject([{ name: "exact", action: "create", done: true }]);
  expect(await metadataOf("exact")).toBe(metadataText.replace("\n", " "));
  // The password is still the one from before.
  expect((await service.control.pools.get("fast")).uri).toBe(POOLS[0]?.uri);
  expect(JSON.parse(await written("nobody"))).toMatchObject({ pools: [{}, {}], flavors: [], queues: [] });
});

test("an update says what changes, before and after, and leaves what the file leaves out", async () => {
  const change = file({
    pools: [{ name: "fast", weight: 7 }],
    queues: [{ project: "p", name: "orders", metadata: { note: "y", _max_claim_count: 3 } }],
  });
  const { changes } = await bring(change, { dryRun: true });
  expect(changes).toMatchObject([
    { action: "update", beforeText: '{"weight":100}', afterText: '{"weight":7}' },
    { action: "update", beforeText: expect.stringContaining('"x"'), afterText: expect.stringContaining('"y"') },
  ]);
  await bring(change);
  expect(await service.control.pools.get("fast")).toMatchObject({ uri: POOLS[0]?.uri, weight: 7, flavor: "quick" });
  const reordered = { project: "p", name: "orders", metadata: { _max_claim_count: 3, note: "y" } };
  expect(await bring(file({ queues: [reordered] }))).toEqual({ changes: [], unchanged: 1 });
});

test("an object that fails leaves the others, and says why in a dry run too", async () => {
  const text = file({
    pools: [
      { name: "masked", uri: "redis://u:***@127.0.0.1:2/0", weight: 1 },
      { name: "fast", uri: "redis://u:***@127.0.0.1:3/0" },
      { name: "bare" },
      { name: "not a name", uri: "redis://127.0.0.1:4/0", weight: 1 },
    ],
    flavors: [{ project: "p", name: "empty" }],
    queues: [
      { project: "p", name: "a", metadata: { _flavor: "missing" } },
      { project: "p", name: "b", metadata: { _max_claim_count: "x" } },
      { project: "p", name: "c" },
    ],
  });
  for (const dryRun of [true, false]) {
    const { changes } = await bring(text, { dryRun, verifyPools: false });
    expect(changes.map(({ name, error }) => [name, error?.code ?? null])).toEqual([
      ...["masked", "fast", "bare", "not a name", "empty"].map((name) => [name, "BAD_INPUT"]),
      ["a", "FLAVOR_DOES_NOT_EXIST"],
      ["b", "BAD_INPUT"],
      ["c", null],
    ]);
    expect(changes[1]?.error?.message).toContain("leave out `uri`");
    expect(changes.at(-1)?.done).toBe(!dryRun);
  }
  const away = file({ pools: [{ name: "away", uri: "redis://127.0.0.1:1/9", weight: 1 }] });
  expect((await bring(away, { dryRun: true })).changes).toMatchObject([{ error: { code: "POOL_NOT_REACHABLE" } }]);
});

test("pools that take over from one another are imported in whatever order the file has them", async () => {
  const swapped = file({
    pools: [
      { name: "fast", flavor: null },
      { name: "slow", flavor: "quick" },
    ],
  });
  expect((await bring(swapped)).changes).toMatchObject([{ done: true }, { done: true }]);
  expect((await service.control.pools.get("slow")).flavor).toBe("quick");
});

test("a text that is no settings file changes nothing, and the error names the place", async () => {
  const places: [string, string][] = [
    ["{", "file"],
    ["[]", "file"],
    ["{}", "file"],
    [file({ version: "1" }), "file.version"],
    [file({ more: 1 }), "file"],
    [file({ queues: {} }), "file.queues"],
    [file({ queues: [1] }), "file.queues.0"],
    [file({ queues: [{ project: "p" }] }), "file.queues.0.name"],
    [file({ queues: [{ project: "p", name: "q", metdata: {} }] }), "file.queues.0"],
    [file({ flavors: [WORLD.flavors[0], WORLD.flavors[0]] }), "file.flavors.1"],
    [file({ pools: [{ name: "x", weight: "1" }] }), "file.pools.0.weight"],
    [
      file({ queues: Array.from({ length: MAX_OBJECTS + 1 }, (_, name) => ({ project: "p", name: `${name}` })) }),
      "file",
    ],
  ];
  for (const [text, field] of places) {
    expect(await refusal(bring(text)), text.slice(0, 99)).toMatchObject({ code: "BAD_INPUT", details: { field } });
  }
  expect(await codeOf(bring(file({ version: 2 })))).toBe("NOT_SUPPORTED");
});

test("an import needs the role admin, and an export shows what the caller may see", async () => {
  const { settingsFile, queues } = service.operations;
  expect(await codeOf(settingsFile.import(operator, { text: file({}) }))).toBe("FORBIDDEN");
  await queues.create(admin, { project: "secret", queue: "hidden" });
  expect(await settingsFile.text(operator, {})).not.toContain("hidden");
  expect(await codeOf(settingsFile.text(viewer, { project: "secret" }))).toBe("FORBIDDEN");
});

test("an import tells nothing of pools to callers who may not change them, and does not compare URIs for them", async () => {
  const { settingsFile, pools } = service.operations;
  const uri = await service.emptyUri();
  await pools.create(admin, { pool: "private", uri, weight: 1 });
  const limited = limitedTo(admin, "admin", ["p"]);
  const told = async (name: string, more: object) =>
    (await settingsFile.import(limited, { text: file({ pools: [{ name, weight: 1, ...more }] }), dryRun: true }))
      .changes;
  const missing = await told("missing", { uri });
  expect(missing).toMatchObject([{ action: "create", beforeText: null, error: { code: "FORBIDDEN" } }]);
  for (const given of [uri, `${uri}x`]) {
    const [change] = await told("private", { uri: given });
    expect({ ...change, name: "", afterText: "" }).toEqual({ ...missing[0], name: "", afterText: "" });
  }
});

test("a dry run says that a flavor needs an admin of all projects, as the import does", async () => {
  const text = file({ flavors: [{ project: "p", name: "unheard" }] });
  const limited = limitedTo(admin, "admin", ["p"]);
  for (const dryRun of [true, false]) {
    const { changes } = await service.operations.settingsFile.import(limited, { text, dryRun });
    expect(changes).toMatchObject([{ action: "create", done: false, error: { code: "FORBIDDEN" } }]);
  }
});

test("an import tells nothing of a project that the caller may not see", async () => {
  const queue = { project: "secret", name: "plans" };
  const metadata = { note: "hidden" };
  await service.operations.queues.create(admin, { ...queue, queue: "plans", metadataText: JSON.stringify(metadata) });
  const limited = limitedTo(admin, "admin", ["p"]);
  const told = (more: object) =>
    service.operations.settingsFile.import(limited, { text: file({ queues: [{ ...queue, ...more }] }), dryRun: true });
  const [same, missing] = [await told({ metadata }), await told({ name: "nothing", metadata })];
  expect(same.changes).toMatchObject([{ action: "create", beforeText: null, error: { code: "FORBIDDEN" } }]);
  expect(same.unchanged).toBe(missing.unchanged);
  expect({ ...same.changes[0], name: "" }).toEqual({ ...missing.changes[0], name: "" });
});

test("a large file is split into parts that hold all of it", () => {
  const queues = Array.from({ length: 5 }, (_, index) => ({ project: "p", name: `q${index}`, metadata: { n: 1.5 } }));
  const parts = splitSettings(file({ ...WORLD, queues }), { queues: 2, bytes: 1000 });
  expect(parts.map((part) => JSON.parse(part).queues.length)).toEqual([2, 2, 1]);
  expect(parts.flatMap((part) => JSON.parse(part).queues)).toEqual(queues);
  expect(JSON.parse(parts[2] ?? "").pools).toEqual(POOLS);
  expect(splitSettings(file({ queues }), { queues: 9, bytes: 60 })).toHaveLength(5);
  expect(splitSettings("nonsense", { queues: 1, bytes: 1 })).toEqual(["nonsense"]);
  // As a whole, so that its import refuses it.
  const twice = file({ queues: [...queues, { project: "p", name: "q0", metadata: {} }] });
  expect(splitSettings(twice, { queues: 2, bytes: 1000 })).toEqual([twice]);
});
