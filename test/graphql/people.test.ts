import { expect, test } from "vitest";
import { startApi } from "./api.ts";

const { api } = startApi();

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
