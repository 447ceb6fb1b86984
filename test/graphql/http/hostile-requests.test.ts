/**
 * Requests that are cheap to send and were once expensive to answer. None may block the event loop for much longer than
 * it takes to parse its JSON.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyPage } from "../../../server/storage/list-pages.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

const MEBIBYTES_4 = 4 * 1_048_576;
/**
 * CPU time in milliseconds that a request may take beyond parsing. It is far more than needed, because the machine may
 * be busy. The worst requests took seconds.
 */
const MORE_MS = 400;

let door: OpenDoor;
beforeAll(async () => {
  const none = async () => [] as never;
  door = await openDoor({
    queues: { statsMany: none, list: async () => emptyPage() },
    messages: { post: async (_access, { messages }) => ({ ids: messages.map(() => "id") }) },
  });
});
afterAll(() => door.close());

const times = (count: number, piece: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => piece(index)).join(" ");
const request = (query: string, variables = "{}") => `{"query":${JSON.stringify(query)},"variables":${variables}}`;
/** A request of 4 MiB that repeats the piece as often as it fits. */
function filled(query: string, head: string, piece: string, tail: string): string {
  const room = MEBIBYTES_4 - request(query, head + tail).length - 1;
  return request(query, head + piece.repeat(room / piece.length).replace(/,$/, "") + tail);
}

const POST =
  'mutation P($messages: [PostMessageInput!]!) { postMessages(input: { queue: "q", messages: $messages }) { ids } }';
const BODY =
  'mutation P($body: JSON!) { postMessages(input: { queue: "q", messages: [{ body: { json: $body } }] }) { ids } }';
const FIRST = 'query F($first: Int) { queues(project: "p", first: $first) { nodes { name } } }';
const SORT = 'query S($by: QueueOrderField!) { queues(project: "p", orderBy: { field: $by }) { nodes { name } } }';
const NAMES = 'query N($names: [String!]!) { queueStats(project: "p", queues: $names) { queueName } }';
const members = (count: number) => `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join(",")}}`;

/** Each request, and what its answer must contain. */
const HOSTILE: Record<string, () => [string, RegExp]> = {
  "a suggestion's words in what is echoed": () => [filled(FIRST, '{"first":"', "Did you mean ", '"}'), /too long/],
  "a long word of an enum": () => [filled(SORT, '{"by":"', "N", '"}'), /too long/],
  "numbers like 1.0": () => [filled(BODY, '{"body":[', "1.0,", "]}"), /10000 numbers .* as text instead/],
  "one 1.0 among many numbers": () => [filled(BODY, '{"body":[1.0,', "1,", "]}"), /100000 members and entries/],
  "as many numbers like 1.0 as are allowed": () => [request(BODY, `{"body":[${"1.0,".repeat(9999)}1]}`), /"ids"/],
  "numbers of 16 digits": () => [request(BODY, `{"body":[${"1234567890123456,".repeat(99_990)}1]}`), /"ids"/],
  "one number of four million digits": () => [filled(BODY, '{"body":', "1", "}"), /cannot be held exactly/],
  "numbers in a member that nobody reads": () => [filled(BODY, '{"body":1,"x":[', "1.0,", "]}"), /10000 numbers/],
  "empty messages": () => [filled(POST, '{"messages":[', "{},", "]}"), /100000 members and entries/],
  "more messages than lists may have": () => [
    request(POST, `{"messages":[${"{},".repeat(30_000)}{}]}`),
    /may have 2000 entries/,
  ],
  "long texts beside JSON": () => [
    request(POST, `{"messages":[{"body":{"json":1,"text":"${"x".repeat(4_000_000)}"}}]}`),
    /give exactly one of json and text/,
  ],
  "a million names": () => [filled(NAMES, '{"names":[', '"a",', "]}"), /100000 members and entries/],
  "a million members": () => [request(BODY, `{"body":${members(300_000)}}`), /100000 members and entries/],
  "members that a type does not have": () => [
    request(POST, `{"messages":[${members(45_000)}]}`),
    /is not defined by type/,
  ],
  "an object for a number": () => [request(FIRST, `{"first":${members(45_000)}}`), /not a list or an object/],
  "four hundred thousand brackets": () => [
    request(BODY, `{"body":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
    /nests too deeply/,
  ],
  "a comment of four million characters": () => [
    request(`{ viewer { actor } } # ${"x".repeat(4_000_000)}`),
    /characters/,
  ],
  "a field 990 times": () => [request(`{ ${times(990, () => "viewer { actor }")} }`), /same fields too many times/],
  "a name of type 3,900 times": () => [request(`{ ${times(3900, () => "__typename")} }`), /same fields too many times/],
  "a field 3,900 times in a fragment that nobody uses": () => [
    request(`{ viewer { actor } } fragment F on Viewer { ${times(3900, () => "actor")} }`),
    /same fields too many times/,
  ],
  "440 fragments": () => [
    request(
      `{ viewer { ${times(440, (n) => `...F${n}`)} } } ${times(440, (n) => `fragment F${n} on Viewer { actor }`)}`,
    ),
    /100 operations and fragments/,
  ],
  "600 operations": () => [request(times(600, (n) => `query Q${n} { __typename }`)), /100 operations and fragments/],
  "fragments that double in a circle": () => [
    request(
      `{ viewer { ...F0 } } ${times(90, (n) => `fragment F${n} on Viewer { ${times(2, () => `...F${(n + 1) % 90}`)} }`)}`,
    ),
    /selects more than 1000 fields/,
  ],
  "the schema's description thirty times": () => [
    request(
      `{ ${times(30, (n) => `a${n}: __schema { types { fields { type { fields { name args { name } } } } } }`)} }`,
    ),
    /schema's description/,
  ],
  "a literal of a thousand lists inside one another": () => [
    request(
      `mutation { postMessages(input: { queue: "q", messages: [{ body: { json: ${"[".repeat(1900)}${"]".repeat(1900)} } }] }) { ids } }`,
    ),
    /nests more than 300 brackets/,
  ],
  "a long variable a thousand times in a literal": () => [
    request(
      `mutation M($s: JSON) { postMessages(input: { queue: "q", messages: [{ body: { json: [${times(1000, () => "$s")}] } }] }) { ids } }`,
      `{"s":"${"x".repeat(1_000_000)}"}`,
    ),
    /too long with its variables put in/,
  ],
};

/** The CPU time of this thread in milliseconds, with that of the client. */
async function cost<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const begun = process.threadCpuUsage();
  const result = await work();
  const { user, system } = process.threadCpuUsage(begun);
  return [result, (user + system) / 1000];
}

const WAYS: Record<string, string>[] = [
  {},
  // A header that takes the request past the fast path to Apollo.
  { accept: "application/json, text/plain" },
  { accept: "text/event-stream" },
];

test.each(Object.keys(HOSTILE))("%s: the answer costs little more than parsing the request", async (what) => {
  const [text, expected] = HOSTILE[what]?.() ?? ["", /./];
  const [, parsing] = await cost(() => JSON.parse(text));
  for (const headers of WAYS) {
    const [answer, taken] = await cost(() => door.sendText(text, headers));
    expect(answer.text).toMatch(expected);
    if (!expected.test('"ids"')) expect(answer.text).toContain('"code":"BAD_INPUT"');
    expect(answer.text.length).toBeLessThan(1_000_000);
    expect(taken).toBeLessThan(MORE_MS + 3 * parsing);
  }
});

test.each([
  ["an Int", FIRST, "first"],
  [
    "a DateTime",
    'query A($since: DateTime) { pool(pool: "p") { healthHistory(since: $since) { nodes { from } } } }',
    "since",
  ],
])("%s that nests 5,000 deep is bad input, inside the process too", async (_what, query, name) => {
  let value: unknown = 1;
  for (let depth = 0; depth < 5000; depth++) value = [value];
  const { errors } = await door.executeAs(ADMIN)(query, { [name]: value });
  expect(errors?.map(({ extensions }) => extensions?.code)).toEqual(["BAD_INPUT"]);
  expect(errors?.[0]?.message).toContain("not a list or an object");
  expect(door.logged).toEqual([]);
});

test("numbers for arguments that are not JSON are read as ordinary numbers, however they are written", async () => {
  const { errors } = await door.sendText(request(FIRST, '{"first":1e1}'));
  expect(errors).toBeUndefined();
  const wrong = await door.sendText(request(FIRST, '{"first":1e400}'));
  expect(wrong.errors?.map(({ message }) => message)).toEqual([
    'Variable "$first" got an invalid value: Int cannot represent non-integer value: Infinity',
  ]);
});
