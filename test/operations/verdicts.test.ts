import { expect, test } from "vitest";
import { type Access, EVERYTHING, type Grant, rightsOfScopes } from "../../server/access/access.ts";
import { NEEDS } from "../../server/access/needs.ts";
import { createVerdictOperations, type VerdictSubject } from "../../server/operations/verdicts.ts";
import { person } from "../support/access.ts";

const { of } = createVerdictOperations();
const allowed = (access: Access, mutations: string[], subject: VerdictSubject) =>
  of(access, { mutations, subject }).flatMap(({ mutation, reason }) => (reason === null ? [mutation] : []));
const grants = (...given: Grant[]) => person("pia", ...given);
const ASKED = ["postMessages", "purgeQueue", "createPool", "snoozeProblem", "collectGarbage"];

test("what a caller may do follows its rights in the projects that it is about, or in any", () => {
  const some = grants({ role: "operator", projects: ["a", "b"] }, { role: "viewer", projects: "all" });
  const ofQueues = ["postMessages", "purgeQueue", "snoozeProblem"];
  for (const subject of ["anything", ["a"], ["b", "a"]] as const)
    expect(allowed(some, ASKED, subject)).toEqual(ofQueues);
  for (const subject of ["none", ["c"], ["a", "c"]] as const) expect(allowed(some, ASKED, subject)).toEqual([]);
  const everywhere = grants({ role: "operator", projects: "all" });
  expect(allowed(everywhere, ASKED, "anything")).toEqual([...ofQueues, "collectGarbage"]);
  expect(allowed(everywhere, ASKED, "none"), "a pool's problem is an admin's").toEqual(["collectGarbage"]);
  expect(allowed(grants({ role: "admin", projects: "all" }), ASKED, "none")).toEqual(ASKED);
  const producer: Access = { ...some, kind: "token", rights: rightsOfScopes(["produce"], ["a"]) };
  expect(allowed(producer, ASKED, ["a"])).toEqual(["postMessages"]);
});

test("a refusal says what to ask for, and what is no mutation is not allowed", () => {
  const viewer = grants({ role: "viewer", projects: ["a"] });
  expect(of(viewer, { mutations: ["purgeQueue", "valueOf"], subject: ["a"] })).toEqual([
    {
      mutation: "purgeQueue",
      reason: "This needs the role operator, or a token with the scope manage. Ask an admin for it.",
    },
    { mutation: "valueOf", reason: "There is no such mutation." },
  ]);
  const mixed = grants({ role: "viewer", projects: ["a"] }, { role: "operator", projects: ["b"] });
  expect(of(mixed, { mutations: ["purgeQueue"], subject: ["a"] })[0]?.reason).toContain("in this project");
});

test("all mutations are told, by name, when none is asked for", () => {
  const all = of({ ...person("ada"), rights: EVERYTHING }, { subject: "anything" });
  expect(all.map(({ mutation }) => mutation)).toEqual(Object.keys(NEEDS).sort());
  expect(all.every(({ reason }) => reason === null)).toBe(true);
});
