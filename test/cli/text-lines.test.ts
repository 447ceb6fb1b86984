/** How an input is read line by line. */
import { expect, test } from "vitest";
import { readLines } from "../../server/cli/text-lines.ts";

const linesOf = async (input: AsyncIterable<Uint8Array>, maxBytes?: number) => {
  const lines: string[] = [];
  for await (const part of readLines(input, maxBytes)) lines.push(...part.map(String));
  return lines;
};

async function* inParts(text: string, bytes: number) {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes);
}

test("lines are the same wherever the input is cut", async () => {
  const text = "one\r\n\nthr\u00e9\u20ac\r\n\r\nfo\rur\n\ufefflast\r";
  const cuts = Array.from({ length: Buffer.byteLength(text) }, (_, index) => index + 1);
  const found = await Promise.all(cuts.map((bytes) => linesOf(inParts(text, bytes))));
  for (const lines of found) expect(lines).toEqual(["one", "", "thr\u00e9\u20ac", "", "fo\rur", "\ufefflast\r"]);
  expect(await linesOf(inParts("", 1))).toEqual([]);
  expect(await linesOf(inParts("a\n", 1))).toEqual(["a"]);
});

test("whole lines come before the input goes on", async () => {
  let asked = 0;
  async function* input() {
    asked += 1;
    yield Buffer.from("a\nb\nc");
    asked += 1;
    yield Buffer.from("d\n");
  }
  const reading = readLines(input());
  expect((await reading.next()).value?.map(String)).toEqual(["a", "b"]);
  expect(asked).toBe(1);
  expect((await reading.next()).value?.map(String)).toEqual(["cd"]);
});

test("a line that is too long ends the input, after those before it", async () => {
  let [parts, isEnded] = [0, false];
  async function* endless() {
    try {
      yield Buffer.from("first\r\n");
      for (; ; parts += 1) yield Buffer.from("0123456789");
    } finally {
      isEnded = true;
    }
  }
  const [first, cut = "", ...others] = await linesOf(endless(), 25);
  expect([first, others, isEnded, parts]).toEqual(["first", [], true, 2]);
  expect(cut.length).toBeGreaterThan(25);
  expect(await linesOf(inParts(`${"x".repeat(25)}\r\ny`, 1), 25)).toEqual(["x".repeat(25), "y"]);
});

test("a long line takes no more time for each part", { timeout: 5000 }, async () => {
  const part = Buffer.alloc(4096, "a");
  async function* long() {
    for (let index = 0; index < 8192; index += 1) yield part;
  }
  const [line = ""] = await linesOf(long());
  expect(line.length).toBe(8192 * part.length);
});
