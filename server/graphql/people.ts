/** People who sign in. */
import type { Grant } from "../access/access.ts";
import { MAX_EMAIL_LENGTH, MAX_GRANTS, MAX_PERSON_NAME_LENGTH } from "../operations/people/input.ts";
import type { PasswordLink } from "../operations/people/write.ts";
import type { Person } from "../storage/people.ts";
import { reasonField } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { DeletePayload } from "./schema/delete-payload.ts";
import { NodeType, nodeId, readNodeId } from "./schema/node.ts";
import { RoleType, ViewerType } from "./viewer.ts";

const GrantType = builder.objectRef<Grant>("Grant").implement({
  description: "A role that a person has, and where. Several grants add up.",
  fields: (t) => ({
    role: t.expose("role", { type: RoleType, description: "The role." }),
    projects: t.stringList({
      nullable: true,
      description: "The projects in which the person has it; null for all, those too that come later.",
      resolve: ({ projects }) => (projects === "all" ? null : [...projects]),
    }),
  }),
});

const SignInMethodType = builder.enumType("SignInMethod", {
  description: "A way to sign in.",
  values: {
    PASSWORD: { value: "password", description: "With e-mail address and password." },
    IDENTITY_PROVIDER: { value: "identityProvider", description: "At the identity provider of OIDC_ISSUER." },
  } as const,
});

const personId = nodeId<Person>("Person", {
  length: 1,
  key: ({ id }) => [id],
  load: (keys, { access, operations }) => operations.people.getMany(access, { ids: keys.map(([id = ""]) => id) }),
});
/** The id in the store. What is no id of a person is as good as one of a person who is gone. */
export const storedPersonId = (id: string): string => readNodeId("Person", id)?.[0] ?? "";

export const PersonType = builder.objectRef<Person>("Person").implement({
  description: "Somebody who signs in.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(personId),
    email: t.exposeString("email", {
      description: "The e-mail address, in small letters. It is the person's name in the audit log too.",
    }),
    name: t.exposeString("name", { description: "What the person is called." }),
    grants: t.field({
      type: [GrantType],
      description: "What the person may do.",
      resolve: ({ grants }) => [...grants],
    }),
    hasClaimedGrants: t.exposeBoolean("claimed", {
      description:
        "True: the identity provider gave the grants at the last sign-in, and gives them again at the next. They cannot be changed here.",
    }),
    isDisabled: t.boolean({
      description: "True: the person cannot sign in.",
      resolve: ({ disabledAt }) => disabledAt !== null,
    }),
    signInMethods: t.field({
      type: [SignInMethodType],
      description: "How the person can sign in so far. Empty: with a link that sets a password.",
      resolve: ({ methods }) => [...methods],
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the person was created." }),
    lastSeenAt: t.expose("lastSeenAt", {
      type: "DateTime",
      nullable: true,
      description: "The person's last request, at most a minute behind; null for none yet.",
    }),
  }),
});

const PersonConnectionType = connectionType("Person", PersonType, "people");

builder.objectField(ViewerType, "person", (t) =>
  t.field({
    type: PersonType,
    nullable: true,
    description: "The person that the caller is; null for programs, and with AUTH=none.",
    resolve: (_viewer, _args, { access, operations }) => operations.people.self(access),
  }),
);

builder.queryFields((t) => ({
  people: t.field({
    type: PersonConnectionType,
    args: {
      search: t.arg.string({ description: "Only those whose e-mail address or name contains this, in any letters." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "All people, by e-mail address. Role admin in all projects.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.people.list(access, { search: args.search, page: pageOf(args, "people") }),
      order: "people" as const,
    }),
  }),
  person: t.field({
    type: PersonType,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: "The person's id." }) },
    complexity: ASKING_THE_STORE,
    description: "A person. Null when there is no such person, or you may see only yourself.",
    resolve: async (_root, { id }, { access, operations }) => {
      const [person = null] = await operations.people.getMany(access, { ids: [storedPersonId(id)] });
      return person;
    },
  }),
}));

const GrantInput = builder.inputType("GrantInput", {
  description: "A role, and where.",
  fields: (t) => ({
    role: t.field({ type: RoleType, required: true, description: "The role." }),
    projects: t.stringList({ description: "In these projects. Left out: in all, those too that come later." }),
  }),
});
const nameField = { description: `What the person is called, in 1 to ${MAX_PERSON_NAME_LENGTH} characters.` } as const;
const CreatePersonInput = builder.inputType("CreatePersonInput", {
  description: "Who it is, and what that person may do.",
  fields: (t) => ({
    email: t.string({
      required: true,
      description: `The e-mail address, at most ${MAX_EMAIL_LENGTH} characters. Small and capital letters are the same.`,
    }),
    name: t.string({ required: true, ...nameField }),
    grants: t.field({ type: [GrantInput], required: true, description: `1 to ${MAX_GRANTS} grants.` }),
    reason: t.string(reasonField),
  }),
});
const idField = { required: true, description: "The person's id." } as const;
const UpdatePersonInput = builder.inputType("UpdatePersonInput", {
  description: "What to change. What is left out stays.",
  fields: (t) => ({
    id: t.id(idField),
    name: t.string(nameField),
    grants: t.field({ type: [GrantInput], description: `All grants from now on: 1 to ${MAX_GRANTS}.` }),
    isDisabled: t.boolean({ description: "True: the person loses all sessions and links, and cannot sign in." }),
    reason: t.string(reasonField),
  }),
});
const PersonInput = builder.inputType("PersonInput", {
  description: "Which person.",
  fields: (t) => ({ id: t.id(idField), reason: t.string(reasonField) }),
});

const PasswordLinkType = builder.objectRef<PasswordLink>("PasswordLink").implement({
  description: "A link with which its person chooses a password, once. Nobody can read it again.",
  fields: (t) => ({
    url: t.exposeString("url", { description: "Give it to the person, and to nobody else. No mail is sent." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "Until when it can be used." }),
  }),
});
const personOf = { type: PersonType, description: "The person." } as const;
const PersonLinkPayload = builder.objectRef<{ person: Person; link: PasswordLink }>("PersonLinkPayload").implement({
  description: "The result of createPerson and createPersonLink.",
  fields: (t) => ({
    person: t.expose("person", personOf),
    link: t.expose("link", { type: PasswordLinkType, description: "The link." }),
  }),
});
const UpdatePersonPayload = builder.objectRef<{ person: Person }>("UpdatePersonPayload").implement({
  description: "The result of updatePerson.",
  fields: (t) => ({ person: t.expose("person", personOf) }),
});

builder.mutationFields((t) => ({
  createPerson: t.field({
    type: PersonLinkPayload,
    args: { input: t.arg({ type: CreatePersonInput, required: true, description: "Who, and what for." }) },
    description:
      "Creates a person, who signs in with the password that the link lets them choose, or at the identity provider with this e-mail address. Role admin in all projects. PERSON_ALREADY_EXISTS.",
    resolve: (_root, { input }, { access, operations }) => {
      return operations.people.create(access, input);
    },
  }),
  updatePerson: t.field({
    type: UpdatePersonPayload,
    args: { input: t.arg({ type: UpdatePersonInput, required: true, description: "Who, and what to change." }) },
    description:
      "Changes a person. Rights change at once, in all processes within a second. One's own name needs no right, all else the role admin in all projects. PERSON_DOES_NOT_EXIST; LAST_ADMIN when nobody would be left who is admin of all projects.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { name, grants, isDisabled: disabled } = input;
      const changes = { id: storedPersonId(input.id), name, grants, disabled };
      return { person: await operations.people.update(access, changes) };
    },
  }),
  deletePerson: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: PersonInput, required: true, description: "Who." }) },
    description:
      "Deletes a person with all sessions, the password and the links. Entries of the audit log keep the e-mail address. Role admin in all projects. LAST_ADMIN when nobody would be left who is admin of all projects.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { deleted } = await operations.people.delete(access, { id: storedPersonId(input.id) });
      return { deleted, ids: [input.id] };
    },
  }),
  createPersonLink: t.field({
    type: PersonLinkPayload,
    args: { input: t.arg({ type: PersonInput, required: true, description: "Who." }) },
    description:
      "Makes a link with which the person chooses a new password. Earlier links of the person end; the password stays until the link is used. Role admin in all projects. PERSON_DOES_NOT_EXIST.",
    resolve: (_root, { input }, { access, operations }) => {
      return operations.people.createLink(access, { id: storedPersonId(input.id) });
    },
  }),
}));
