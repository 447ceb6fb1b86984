/** The cURL lines of pages and buttons, pasted in a shell. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildSchema,
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isRequiredInputField,
  Kind,
  parse,
  typeFromAST,
} from "graphql";
import { expect, onTestFinished, test } from "vitest";
import { curlCommand } from "../../components/ui/curl.ts";
import { createClaim, postMessages, startApi } from "../graphql/api.ts";
import { textsOf } from "../support/page-documents.ts";
import { paste } from "../support/shell.ts";

const { api, server } = startApi();

const documents = new Map((await textsOf("documents.ts")).map((one) => [one.name, one.text]));
const schema = buildSchema(readFileSync(join(import.meta.dirname, "../../schema.graphql"), "utf8"));

function lineOf(name: string, variables: object): string {
  const document = documents.get(name);
  if (document === undefined) throw new Error(`Nothing sends ${name}.`);
  return curlCommand(api.url, document, variables);
}

/** What an operator could do one after the other, each with what was there before or what those before it made. */
async function acts(): Promise<[name: string, variables: object][]> {
  const queue = { project: "it's", queue: "orders" };
  const ids = await postMessages(api, queue.project, queue.queue, [1, 2, 3]);
  const [renewed, released] = [await createClaim(api, "it's", "orders"), await createClaim(api, "it's", "orders")];
  const database = server().engine.config.DATABASE_URL as string;
  const uri = new URL(database);
  uri.searchParams.set("schema", "second");
  const subscribe = `mutation ($input: CreateQueueSubscriptionInput!) {
    createQueueSubscription(input: $input) { subscription { id } }
  }`;
  const subscriber = { ...queue, subscriber: "http://127.0.0.1:1/first" };
  const { createQueueSubscription } = await api.run(subscribe, { input: subscriber });
  const subscription = { ...queue, id: createQueueSubscription.subscription.id };
  const pool = { pool: "second" };
  const body = { text: '"it\'s `$HOME`"' };
  const inputs: [string, object][] = [
    ["CREATE_QUEUE", { ...queue, queue: "returns" }],
    ["UPDATE_QUEUE_METADATA", { ...queue, metadata: { text: '{"owner": "ada"}' } }],
    ["UPDATE_QUEUE_ATTRIBUTES", { ...queue, attributes: { maxClaimCount: 3 } }],
    ["PATCH_QUEUE_METADATA", { ...queue, changes: [{ op: "ADD", key: "note", value: { text: '"it\'s"' } }] }],
    ["POST_MESSAGES", { ...queue, messages: [{ body, headers: [{ name: "a", value: "'" }], delaySeconds: 1 }] }],
    ["CREATE_CLAIM", { ...queue, limit: 1 }],
    ["RENEW_CLAIM", { ...queue, claimId: renewed?.id, ttlSeconds: 600 }],
    ["RELEASE_CLAIM", { ...queue, claimId: released?.id }],
    ["DELETE_MESSAGE", { ...queue, id: ids[1] }],
    ["CREATE_SUBSCRIPTION", { ...queue, subscriber: "http://127.0.0.1:1/second" }],
    ["CONFIRM_SUBSCRIPTION", subscription],
    ["DELETE_SUBSCRIPTION", subscription],
    ["VERIFY_POOL", { uri: uri.href }],
    ["CREATE_POOL", { ...pool, uri: uri.href, options: { text: "{}" }, weight: 1 }],
    ["UPDATE_POOL", { ...pool, weight: 2 }],
    ["MOVE_QUEUE", { ...queue, queue: "returns", pool: "second" }],
    ["CREATE_POOL", { pool: "away", uri: "redis://127.0.0.1:1/away", weight: 1, verify: false }],
    ["CREATE_FLAVOR", { project: "it's", flavor: "fast", pools: ["away"], verify: false }],
    ["UPDATE_FLAVOR", { project: "it's", flavor: "fast", pools: ["away"], verify: false }],
    ["COLLECT_GARBAGE", {}],
    ["CREATE_STORE", { store: "it-is" }],
    ["SET_KEY", { store: "it-is", key: "it's", value: { text: "1" } }],
    ["DELETE_KEY", { store: "it-is", key: "it's" }],
    ["DELETE_STORE", { store: "it-is" }],
    ["PURGE_QUEUE", { ...queue, before: { time: new Date().toISOString() } }],
    ["DELETE_QUEUE", queue],
    ["DELETE_FLAVOR", { project: "it's", flavor: "fast" }],
    ["DELETE_POOL", { pool: "away" }],
  ];
  return inputs.map(([name, input]) => [name, { input }]);
}

test("an operator's acts work as the lines that their buttons show", async () => {
  const done = await acts();
  const answers = await paste(done.map(([name, variables]) => lineOf(name, variables)));
  const failed = answers.flatMap(({ errors }, index) => (errors ? [[done[index]?.[0], errors[0]?.message]] : []));
  expect(failed).toEqual([]);
  expect(answers).toHaveLength(done.length);
});

/** A value of the type, with no more than it needs. */
function madeUp(given: GraphQLInputType): unknown {
  const type = getNullableType(given);
  if (isListType(type)) return [madeUp(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const needed = type.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField);
    return Object.fromEntries(needed.map((field) => [field.name, madeUp(field.type)]));
  }
  return { Boolean: false, Int: 1, SafeInt: 1, Float: 1, DateTime: "2026-01-01T00:00:00.000Z" }[type.name] ?? "x";
}

/** Of what a document needs, and nothing else. */
function madeUpVariables(document: string): object {
  const [operation] = parse(document).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error("No operation comes first.");
  const needed = operation.variableDefinitions?.filter(
    ({ type, defaultValue }) => type.kind === Kind.NON_NULL_TYPE && defaultValue === undefined,
  );
  return Object.fromEntries(
    needed?.map(({ variable, type }) => [variable.name.value, madeUp(typeFromAST(schema, type) as GraphQLInputType)]) ??
      [],
  );
}

test("the server understands every line that a page or a button can show", async () => {
  // Streams are below.
  const names = [...documents].flatMap(([name, one]) => (/^\s*subscription/.test(one) ? [] : [name]));
  expect(names.length).toBeGreaterThan(50);
  const answers = await paste(names.map((name) => lineOf(name, madeUpVariables(documents.get(name) ?? ""))));
  // What has no path was refused before it was executed. There is nothing by these names, so others may fail.
  const refused = answers.flatMap(({ errors = [] }, index) =>
    errors.flatMap(({ path, message }) => (path === undefined ? [[names[index], message]] : [])),
  );
  expect(refused).toEqual([]);
  expect(answers).toHaveLength(names.length);
});

test("the line of a stream follows it", async () => {
  await postMessages(api, "shop", "followed", ["before"]);
  const child = spawn("sh", ["-c", `exec ${lineOf("MESSAGE_POSTED", { project: "shop", queue: "followed" })}`]);
  onTestFinished(() => void child.kill());
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  await expect
    .poll(async () => {
      await postMessages(api, "shop", "followed", ["it's here"]);
      return output;
    })
    .toContain("it's here");
});
