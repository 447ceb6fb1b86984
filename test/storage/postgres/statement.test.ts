/** Named parameters of statements: how they become `$1`, and what does not compile. */
import { describe, expect, expectTypeOf, it } from "vitest";
import { int4, int8, orNull, text } from "../../../server/storage/postgres/sql/parameter-types.ts";
import { rowOf, statement } from "../../../server/storage/postgres/sql/statement.ts";
import type { Statements } from "../../../server/storage/postgres/sql/statements.ts";

const POOL = { clockOffset: 1.5, lockSpace: "4096" };

describe("a statement", () => {
  it("numbers its parameters in the order in which its text first names them, each once", () => {
    const get = statement({
      name: "get",
      parameters: { id: int8, queueId: int8 },
      text: "SELECT 1 FROM m WHERE queue_id = :queueId AND (id = :id OR :queueId IS NULL)",
    });
    expect(get.text).toBe("SELECT 1 FROM m WHERE queue_id = $1 AND (id = $2 OR $1 IS NULL)");
    expect(get.valuesOf({ id: 7, queueId: "9" }, POOL)).toEqual(["9", 7]);
  });

  it("takes no cast, assignment, literal, quoted name or comment for a parameter", () => {
    const odd = statement({
      name: "odd",
      parameters: { at: text },
      text: `SELECT ':no', 'it''s :no', ":no", f(x := :at)::text -- :no\n, :at::timestamptz`,
    });
    expect(odd.text).toBe(`SELECT ':no', 'it''s :no', ":no", f(x := $1)::text -- :no\n, $1::timestamptz`);
  });

  it("gets the clock's offset and the space of locks from its pool", () => {
    const clock = statement({ name: "clock", parameters: { n: int4 }, text: "SELECT :clockOffset, :n, :lockSpace" });
    expect(clock.valuesOf({ n: 3 }, POOL)).toEqual([1.5, 3, "4096"]);
  });

  it("sends null where null is allowed", () => {
    const get = statement({ name: "get", parameters: { client: orNull(text) }, text: "SELECT :client" });
    expect(get.valuesOf({ client: null }, POOL)).toEqual([null]);
  });

  it("is refused when it is defined, when its text and its parameters differ", () => {
    expect(() => statement({ name: "typo", parameters: { queueId: int8 }, text: "SELECT :queueID" })).toThrow(
      "Statement typo: queueID have no type, queueId are not in its text.",
    );
  });

  it("does not compile with a parameter that is missing, unknown or of another type", () => {
    const get = statement({
      name: "get",
      parameters: { queueId: int8, client: text },
      row: rowOf<{ marker: string }>(),
      text: "SELECT marker FROM m WHERE q = :queueId AND c = :client",
    });
    const run = (statements: Statements) => [
      statements.read(get, { queueId: "1", client: "a" }),
      // @ts-expect-error: missing
      statements.read(get, { queueId: "1" }),
      // @ts-expect-error: unknown
      statements.read(get, { queueId: "1", client: "a", more: 1 }),
      // @ts-expect-error: of another type
      statements.write(get, { queueId: "1", client: 1 }),
      // @ts-expect-error: null where it is not allowed
      statements.write(get, { queueId: null, client: "a" }),
    ];
    expectTypeOf(run).returns.items.toEqualTypeOf<Promise<{ marker: string }[]>>();
  });
});
