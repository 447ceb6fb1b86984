import { expect, test } from "vitest";
import { EVERYTHING } from "../../server/access/access.ts";
import { writeNodeId } from "../../server/graphql/schema/node.ts";
import { aSession } from "../support/people.ts";
import { startApi } from "./api.ts";

const { api, server } = startApi();

let number = 0;
const anEmail = () => `person-${++number}@example.com`;
const CREATE = `mutation C($input: CreatePersonInput!) {
  createPerson(input: $input) { person { id email name grants { role projects } isDisabled signInMethods sessions { id } } link { url expiresAt } }
}`;
const create = async (input: object = {}) =>
  (await api.run(CREATE, { input: { email: anEmail(), name: "Pat", grants: [{ role: "VIEWER" }], ...input } }))
    .createPerson;
const update = (input: object) =>
  api.run(
    "mutation U($input: UpdatePersonInput!) { updatePerson(input: $input) { person { name isDisabled grants { role projects } } } }",
    { input },
  );

test("a person is created with grants and a link, which nobody reads again", async () => {
  const email = anEmail();
  const { person, link } = await create({
    email: `  ${email.toUpperCase()}`,
    grants: [{ role: "OPERATOR", projects: ["shop", "shop", ""] }, { role: "VIEWER" }],
  });
  expect(person).toEqual({
    id: expect.stringMatching(/^Person:/),
    email,
    name: "Pat",
    grants: [
      { role: "OPERATOR", projects: ["shop", ""] },
      { role: "VIEWER", projects: null },
    ],
    isDisabled: false,
    signInMethods: [],
    sessions: [],
  });
  expect(link.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/link#[\w-]{43}$/);
  const { auditEntries } = await api.run(
    `{ auditEntries(action: "createPerson", target: "${email}") { nodes { detailsText } } }`,
  );
  expect(auditEntries.nodes).toHaveLength(1);
  expect(auditEntries.nodes[0].detailsText).not.toContain(link.url.split("#")[1]);
  expect(await api.codeOf(CREATE, { input: { email, name: "x", grants: [{ role: "ADMIN" }] } })).toBe(
    "PERSON_ALREADY_EXISTS",
  );
});

test("people are listed by address and found again by id", async () => {
  const { person } = await create({ name: "Näthalie" });
  const { people } = await api.run('{ people(search: "näTH", first: 5) { nodes { id } pageInfo { hasNextPage } } }');
  expect(people).toEqual({ nodes: [{ id: person.id }], pageInfo: { hasNextPage: false } });
  const found = await api.run(`{ person(id: "${person.id}") { name } node(id: "${person.id}") { id } }`);
  expect(found).toEqual({ person: { name: "Näthalie" }, node: { id: person.id } });
  expect(await api.run('{ person(id: "Person:nonsense") { name } viewer { person { id } sessions { id } } }')).toEqual({
    person: null,
    viewer: { person: null, sessions: [] },
  });
});

test("the last admin of all projects can be neither lowered nor disabled nor deleted, until there is another", async () => {
  const { person: first } = await create({ grants: [{ role: "ADMIN" }] });
  const remove = "mutation D($input: PersonInput!) { deletePerson(input: $input) { deleted ids } }";
  const attempts = [
    () => update({ id: first.id, grants: [{ role: "ADMIN", projects: ["shop"] }] }),
    () => update({ id: first.id, isDisabled: true }),
    () => api.run(remove, { input: { id: first.id } }),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toThrow("last admin");
  expect((await update({ id: first.id, name: "Ada", grants: [{ role: "ADMIN" }] })).updatePerson.person.name).toBe(
    "Ada",
  );

  const { person: second } = await create({ grants: [{ role: "ADMIN" }] });
  expect((await update({ id: first.id, isDisabled: true })).updatePerson.person.isDisabled).toBe(true);
  await expect(update({ id: second.id, isDisabled: true })).rejects.toThrow("last admin");
  expect((await api.run(remove, { input: { id: first.id } })).deletePerson).toEqual({ deleted: 1, ids: [first.id] });
  expect((await api.run(remove, { input: { id: first.id } })).deletePerson.deleted).toBe(0);
});

test.each([
  ["an address", { email: "nonsense" }],
  ["a name", { name: " " }],
  ["grants", { grants: [] }],
  ["projects of a grant", { grants: [{ role: "VIEWER", projects: [] }] }],
])("%s that cannot be is refused", async (_what, input) => {
  expect(
    await api.codeOf(CREATE, { input: { email: anEmail(), name: "Pat", grants: [{ role: "VIEWER" }], ...input } }),
  ).toBe("BAD_INPUT");
});

test("a newer link replaces the one before; whoever is disabled gets none", async () => {
  const { person, link } = await create();
  const again = "mutation L($input: PersonInput!) { createPersonLink(input: $input) { link { url } } }";
  const newer = (await api.run(again, { input: { id: person.id } })).createPersonLink.link;
  expect(newer.url).not.toBe(link.url);
  await update({ id: person.id, isDisabled: true });
  expect(await api.codeOf(again, { input: { id: person.id } })).toBe("BAD_INPUT");
  expect(await api.codeOf(again, { input: { id: "Person:x" } })).toBe("PERSON_DOES_NOT_EXIST");
});

const REMOVE = "mutation D($input: PersonInput!) { deletePerson(input: $input) { deleted } }";
const entriesOf = async (target: string) => {
  const query = "query A($target: String!) { auditEntries(target: $target) { nodes { action outcome detailsText } } }";
  const { nodes } = (await api.run(query, { target })).auditEntries;
  return nodes.map(({ action, outcome, detailsText }: Record<string, string>) => {
    const { code, ...details } = JSON.parse(detailsText ?? "{}");
    return [action, code ?? outcome, details];
  });
};

test("all that is done to people and their sessions is audited, with what was before", async () => {
  const { person } = await create();
  await update({ id: person.id, name: "Paddy", grants: [{ role: "OPERATOR", projects: ["shop"] }] });
  await api.run("mutation L($input: PersonInput!) { createPersonLink(input: $input) { link { url } } }", {
    input: { id: person.id },
  });
  const { engine } = server();
  const [personId = ""] = person.id.split(":").slice(1);
  const key = (await engine.control.people.getByEmail(person.email))?.id ?? personId;
  const [one] = [await aSession(engine.config.DATABASE_URL, key), await aSession(engine.config.DATABASE_URL, key)];
  const endOne = "mutation E($id: ID!) { endSession(input: { id: $id }) { ended } }";
  const session = { id: writeNodeId("Session", [one]) };
  expect(await api.run(endOne, session)).toEqual({ endSession: { ended: 1 } });
  expect(await api.run(endOne, session)).toEqual({ endSession: { ended: 0 } });
  const endAll = "mutation E($person: ID!) { endSessions(input: { personId: $person }) { ended } }";
  expect(await api.run(endAll, { person: person.id })).toEqual({ endSessions: { ended: 1 } });
  await api.run(REMOVE, { input: { id: person.id } });
  const [viewer, operator] = [
    { role: "viewer", projects: "all" },
    { role: "operator", projects: ["shop"] },
  ];
  const shown = (name: string, grant: object) => ({ name, grants: [grant], disabled: false });
  expect(await entriesOf(person.email)).toEqual([
    ["deletePerson", "DONE", { name: "Paddy" }],
    ["endSessions", "DONE", { ended: 1 }],
    ["endSession", "DONE", { session: one }],
    ["createPersonLink", "DONE", { expiresAt: expect.any(String) }],
    ["updatePerson", "DONE", { before: shown("Pat", viewer), after: shown("Paddy", operator) }],
    ["createPerson", "DONE", { name: "Pat", grants: [viewer] }],
  ]);
});

test("what the service refuses to everybody is audited too, once", async () => {
  const { person } = await create();
  const id = person.id;
  const ada = { actor: "ada", kind: "service", rights: EVERYTHING, requestId: "r" } as const;
  const { readOnly } = server().engine.operations;
  await readOnly.set(ada, { on: true, reason: "An upgrade." });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    expect(await api.codeOf(REMOVE, { input: { id } })).toBe("SERVER_IS_READ_ONLY");
  }
  await readOnly.set(ada, { on: false });
  const message = "The service is read-only: An upgrade. (ada)";
  expect(await entriesOf(id)).toEqual([["deletePerson", "SERVER_IS_READ_ONLY", { message }]]);

  const { items } = await server().engine.control.people.list({ page: { limit: 100 } });
  for (const one of items) if (one.email !== person.email) await server().engine.control.people.delete(one.id);
  await update({ id, grants: [{ role: "ADMIN" }] });
  expect(await api.codeOf(REMOVE, { input: { id } })).toBe("LAST_ADMIN");
  expect((await entriesOf(id))[0]?.slice(0, 2)).toEqual(["deletePerson", "LAST_ADMIN"]);
});
