import { expect, test } from "vitest";
import { NEEDS } from "../../server/access/needs.ts";
import { schema } from "../../server/graphql/schema/schema.ts";

test("every mutation says what it needs, and nothing else does", () => {
  const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
  expect(Object.keys(NEEDS).sort()).toEqual(mutations.sort());
});
