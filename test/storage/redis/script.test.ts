/** What the builder of Lua scripts refuses when a module loads, and what it sends. */
import { describe, expect, it } from "vitest";
import { answers, type KeyList, locals, piece, script, table } from "../../../server/storage/redis/server/script.ts";
import {
  flag,
  list,
  number,
  optionalNumber,
  optionalText,
  records,
  text,
} from "../../../server/storage/redis/server/script-parameters.ts";

const clock = piece("clock", { args: ["offset"] }, "\nlocal now = offset\n");
const due = piece("due", { pieces: [clock], keys: ["ENDS"] }, "\nlocal due = redis.call('ZCOUNT', ENDS, 0, now)\n");

/** A script that has only what is given. */
const aScript = (given: Partial<Parameters<typeof script>[1]>) =>
  script("test", { effect: "reads", keys: {}, args: {}, answers: undefined, lua: "return {'ok'}", ...given });

describe("a script", () => {
  it("has the pieces that its pieces need, once and in front of them", () => {
    const { text: lua } = aScript({
      keys: { store: locals(["ends"]) },
      args: { offset: number },
      uses: [due, clock],
    });
    expect(lua.match(/local now/g)).toHaveLength(1);
    expect(lua.indexOf("local now")).toBeLessThan(lua.indexOf("local due"));
  });

  it("is refused when a piece needs a key or an argument that it does not declare", () => {
    expect(() => aScript({ args: { offset: number }, uses: [due] })).toThrow("the piece due misses ENDS");
    expect(() => aScript({ keys: { store: locals(["ends"]) }, uses: [due] })).toThrow("the piece clock misses offset");
  });

  it("is refused when it uses a name that nothing defines, and so is a piece", () => {
    expect(() => aScript({ lua: "return {now}" })).toThrow('In the script "test", nothing defines now.');
    expect(() => aScript({ args: { maxBytes: number }, lua: "return {maxBytes}" })).toThrow("nothing defines maxBytes");
    expect(() => piece("late", {}, "local function late(at) return at > now end")).toThrow("nothing defines now");
  });

  it("is refused when two of its parts define one name", () => {
    const other = piece("other", {}, "\nlocal now = 0\n");
    expect(() => aScript({ args: { offset: number }, uses: [clock, other] })).toThrow("now is defined twice");
  });

  it("runs on a full server unless it takes more memory", () => {
    expect(aScript({ effect: "writes" }).text).toMatch(/^#!lua flags=allow-oom\n/);
    expect(aScript({ effect: "grows" }).text).toMatch(/^#!lua\n/);
  });

  it("sends its keys by group, its single values, then its lists with their lengths", () => {
    const one = script("test", {
      effect: "reads",
      keys: { from: locals(["row", "claim-ids"]), to: table(["row"]) },
      args: {
        messages: records({ ids: list(text), body: text }),
        limit: number,
        client: optionalText,
        maxBytes: optionalNumber,
        forward: flag,
      },
      answers: answers<["ok"]>(),
      lua: "return {ROW, CLAIM_IDS, to.row, messages, limit, client, max_bytes, forward}",
    });
    const keys = {
      from: ["a", "b"] as readonly string[] as KeyList<readonly ["row", "claim-ids"]>,
      to: ["c"] as readonly string[] as KeyList<readonly ["row"]>,
    };
    const messages = [
      { ids: ["1", "2"], body: "x" },
      { ids: [], body: "y" },
    ];
    const sent = one.operands(keys, { messages, limit: 5, client: null, maxBytes: undefined, forward: true });
    expect(sent).toEqual(["3", "a", "b", "c", "5", "-", "", "1", "2", "x", "2", "1", "2", "y", "0"]);
    // @ts-expect-error an argument is missing
    const missing = () => one.operands(keys, { messages, limit: 5, client: null, forward: true });
    // @ts-expect-error a number is a text
    const wrong = () => one.operands(keys, { messages, limit: "5", client: null, maxBytes: 1, forward: true });
    expect([missing, wrong]).toHaveLength(2);
  });
});
