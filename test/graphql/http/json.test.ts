import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { MessageToPost } from "../../../server/operations/input/new-messages.ts";
import type { MessageRecord } from "../../../server/operations/messages/record.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

let door: OpenDoor;
/** The body texts that reached the operation; `bodyText` below is the message that it returns. */
let posted: string[] = [];
let bodyText = "null";

const aMessage = (): MessageRecord => ({
  id: "m1",
  project: "p",
  queue: "q",
  marker: "1",
  bodyText,
  ttlSeconds: 60,
  ageSeconds: 0,
  createdAt: new Date(0),
  expiresAt: new Date(60_000),
  delayedUntil: null,
  clientId: null,
  claimCount: 0,
  claim: null,
  lastClaimId: null,
  headers: null,
  deadLettered: null,
  state: "ready",
  bodyVisibility: "full",
});

beforeAll(async () => {
  door = await openDoor({
    messages: {
      post: async (_access, { messages }: { messages: readonly MessageToPost[] }) => {
        posted = messages.map((message) => message.bodyText);
        return { ids: messages.map((_message, index) => `m${index}`) };
      },
      get: async () => aMessage(),
      newestMarker: async () => "0",
      watch: async function* () {
        yield aMessage();
      } as never,
    },
  });
});
afterAll(() => door.close());
beforeEach(() => {
  posted = [];
});

const POST =
  'mutation Post($messages: [PostMessageInput!]!) { postMessages(input: { queue: "q", messages: $messages }) { ids } }';
/** Posts with the variable's JSON as it stands here, because JSON.stringify would change it. */
const postText = (messages: string) =>
  door.sendText(`{"query":${JSON.stringify(POST)},"variables":{"messages":${messages}}}`);
const READ = '{ message(queue: "q", id: "m1") { bodyText body } }';

const EXACT = ["12345678901234567", "1.0", "1e400", "-0", "0.1", "[1,2.50,3E2]", "9007199254740993"];
const TEXTS = [
  ...EXACT,
  "null",
  "true",
  '""',
  '"\\u0000"',
  '"é 漢字 🦄 \\ud83e\\udd84"',
  '"\\ud800"',
  '"quote \\" backslash \\\\ both \\\\\\""',
  '{"b": 1, "a": [ {} ], "2": 0, "1": 0, "b": 2}',
  '{"__proto__": {"polluted": true}, "constructor": 1}',
  '"</script><img src=x onerror=alert(1)>"',
  "[]",
];

test.each(TEXTS)("the body text %s is accepted and returned exactly", async (text) => {
  await door.run(POST, { messages: [{ body: { text } }] });
  expect(posted).toEqual([text]);
  bodyText = text;
  const answer = await door.send(READ);
  expect(answer.text).toContain(`"body":${text}}`);
  expect(answer.text).toContain(`"bodyText":${JSON.stringify(text)}`);
});

test("a body with line breaks stays one event, and its numbers stay exact", async () => {
  bodyText = '{\n  "a": 12345678901234567,\r\n  "b": "line\\nline"\n}';
  const response = await fetch(door.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: 'subscription { messagePosted(queue: "q") { bodyText body } }' }),
  });
  const text = await response.text();
  expect(text).toContain('"body":{   "a": 12345678901234567,   "b": "line\\nline" }}');
  expect(text).toContain(`"bodyText":${JSON.stringify(bodyText)}`);
  expect(text.split("\n").filter((line) => line.startsWith("data: "))).toHaveLength(1);
});

describe("a body given as JSON", () => {
  test.each([
    ['{"b":1,"a":[true,null,"x"]}', '{"b":1,"a":[true,null,"x"]}'],
    ["1.0", "1.0"],
    ["-0", "-0"],
    ["[1.50, 3E2, 0.1]", "[1.50,3E2,0.1]"],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
    ['"\\u0000"', '"\\u0000"'],
    ["9007199254740991", "9007199254740991"],
  ])("by variable, %s is posted as %s", async (body, text) => {
    expect((await postText(`[{"body":{"json":${body}}}]`)).errors).toBeUndefined();
    expect(posted).toEqual([text]);
  });

  test.each([
    ['{b: 1, a: [true, null, "x", ENUM]}', '{"b":1,"a":[true,null,"x","ENUM"]}'],
    ["1.0", "1.0"],
    ['"""block "text" """', '"block \\"text\\" "'],
    ["{__proto__: {a: 1}}", '{"__proto__":{"a":1}}'],
  ])("in the document, %s is posted as %s", async (literal, text) => {
    const { errors } = await door.send(
      `mutation { postMessages(input: { queue: "q", messages: [{ body: { json: ${literal} } }] }) { ids } }`,
    );
    expect(errors).toBeUndefined();
    expect(posted).toEqual([text]);
  });

  test("a variable inside a literal body keeps its value exactly", async () => {
    const query =
      'mutation M($json: JSON, $text: String, $number: SafeInt) { postMessages(input: { queue: "q", messages: [{ body: { json: { a: $json, b: [$text], c: $number } } }] }) { ids } }';
    await door.sendText(`{"query":${JSON.stringify(query)},"variables":{"json":{"x":2.50},"text":"t\\"","number":7}}`);
    expect(posted).toEqual(['{"a":{"x":2.50},"b":["t\\""],"c":7}']);
  });

  const UNSAFE = [
    "12345678901234567",
    "9007199254740993",
    "-9007199254740993",
    "1e400",
    "3.14159265358979323846",
    "1e-400",
  ];
  test.each(UNSAFE)("the number %s, which JavaScript cannot hold exactly, is refused", async (number) => {
    for (const body of [number, `{"a":[${number}]}`]) {
      const byVariable = await postText(`[{"body":{"json":${body}}}]`);
      expect(byVariable.errors?.[0]?.extensions.code).toBe("BAD_INPUT");
      expect(byVariable.errors?.[0]?.message).toContain("as text instead");
    }
    const inDocument = await door.send(
      `mutation { postMessages(input: { queue: "q", messages: [{ body: { json: { a: [${number}] } } }] }) { ids } }`,
    );
    expect(inDocument.errors?.[0]?.message).toContain("as text instead");
    expect(posted).toEqual([]);
  });

  test("a number inside a string is no number", async () => {
    expect((await postText('[{"body":{"json":"12345678901234567, 1e400"}}]')).errors).toBeUndefined();
    expect(posted).toEqual(['"12345678901234567, 1e400"']);
  });

  test("numbers that are passed inside the process are checked too", async () => {
    const execute = door.executeAs(ADMIN);
    expect((await execute(POST, { messages: [{ body: { json: 2 ** 53 } }] })).errors?.[0]?.message).toContain(
      "as text instead",
    );
    expect((await execute(POST, { messages: [{ body: { json: { a: 1.5 } } }] })).errors).toBeUndefined();
    expect(posted).toEqual(['{"a":1.5}']);
  });
});

test.each([
  [{}],
  [{ json: 1, text: "1" }],
  [{ json: null }],
  [{ json: null, text: "1" }],
  [{ text: null }],
  [1],
  [null],
])("a body %j, which is not exactly one of json and text, is bad input", async (body) => {
  expect(await door.codeOf(POST, { messages: [{ body }] })).toBe("BAD_INPUT");
  const literal = JSON.stringify(body).replaceAll(/"(json|text)"/g, "$1");
  const { errors } = await door.send(
    `mutation { postMessages(input: { queue: "q", messages: [{ body: ${literal} }] }) { ids } }`,
  );
  expect(errors?.[0]?.extensions.code).toBe("BAD_INPUT");
  expect(posted).toEqual([]);
});

test.each(["1.0", "1e400", "-0", "12345678901234567"])("%s as a key is not JSON", async (number) => {
  for (const body of [`{${number}:5}`, `{${number} \n:5}`]) {
    const { status, errors } = await postText(`[{"body":{"json":${body}}}]`);
    expect([status, errors?.[0]?.message]).toEqual([400, expect.stringContaining("not JSON")]);
  }
  expect(posted).toEqual([]);
});

test("a whole number may be written with a point, a fraction may not", async () => {
  const send = (ttl: string) => postText(`[{"body":{"text":"1"},"ttlSeconds":${ttl}}]`);
  expect((await send("60.0")).errors).toBeUndefined();
  for (const wrong of ["60.5", "1e400", "9007199254740993", '"60"', "true"]) {
    expect((await send(wrong)).errors?.[0]?.extensions.code, wrong).toBe("BAD_INPUT");
  }
});

test("a body cannot imitate the mark of JSON that is written verbatim", async () => {
  bodyText = JSON.stringify({ text: 'isimud-json-00000000-0000-0000-0000-000000000000:{"forged":true}' });
  const answer = await door.send(READ);
  expect(answer.data.message.bodyText).toBe(bodyText);
  expect(answer.data.message.body).toEqual(JSON.parse(bodyText));
});

test("inside the process an answer is what a client would have parsed: plain objects, instants as text", async () => {
  bodyText = '{"a": 1}';
  const { data } = await door.executeAs(ADMIN)('{ message(queue: "q", id: "m1") { createdAt body } }');
  expect(data).toEqual({ message: { createdAt: "1970-01-01T00:00:00.000Z", body: { a: 1 } } });
  expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
});
