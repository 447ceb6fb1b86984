/** Tokens, by which programs prove who they are. */
import { DEFAULT_TOKEN_DAYS, MAX_TOKEN_DAYS } from "../operations/tokens.ts";
import type { Scope, Token, TokenState } from "../storage/tokens.ts";
import { reasonField } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { NodeType, nodeId } from "./schema/node.ts";
import { ViewerType } from "./viewer.ts";

const TokenScopeType = builder.enumType("TokenScope", {
  description: "What a token is for, in its projects.",
  values: {
    READ: { value: "read", description: "What a viewer may do: read lists, records, statistics and problems." },
    PRODUCE: { value: "produce", description: "Post messages." },
    CONSUME: { value: "consume", description: "Claim, renew, release, pop and delete messages." },
    MANAGE: { value: "manage", description: "What an operator may do, which includes the scopes before this one." },
    ADMINISTER: { value: "administer", description: "What an admin may do: everything, in all projects." },
  } as Record<string, { value: Scope; description: string }>,
});

const TokenStateType = builder.enumType("TokenState", {
  description: "Whether a token can be used.",
  values: {
    ACTIVE: { value: "active", description: "It can." },
    EXPIRED: { value: "expired", description: "Its time is over." },
    REVOKED: { value: "revoked", description: "Somebody ended it." },
  } as Record<string, { value: TokenState; description: string }>,
});

const tokenId = nodeId<Token>("Token", {
  length: 1,
  key: ({ name }) => [name],
  load: (keys, { access, operations }) => operations.tokens.getMany(access, { names: keys.map(([name = ""]) => name) }),
});

const TokenType = builder.objectRef<Token>("Token").implement({
  interfaces: [NodeType],
  description:
    "What a program sends as `Authorization: Bearer SECRET`. Whoever administers all projects of a token sees it. Its secret is in no answer but that of createToken.",
  fields: (t) => ({
    id: t.id(tokenId),
    name: t.exposeString("name", { description: "Its name. In the audit log its actor is `token:NAME`." }),
    prefix: t.exposeString("prefix", { description: "How its secret begins, to tell which token a program has." }),
    scopes: t.field({ type: [TokenScopeType], description: "What it is for.", resolve: ({ scopes }) => scopes }),
    projects: t.stringList({
      nullable: true,
      description: "Where it may be used; null for all projects, those too that are created later.",
      resolve: ({ projects }) => (projects === "all" ? null : projects),
    }),
    state: t.expose("state", { type: TokenStateType, description: "Whether it can be used." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    createdBy: t.exposeString("createdBy", { description: "Who made it: an actor of the audit log." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", nullable: true, description: "Its end; null for never." }),
    lastUsedAt: t.expose("lastUsedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was used last, up to a minute old; null for never.",
    }),
    revokedAt: t.expose("revokedAt", { type: "DateTime", nullable: true, description: "When it was revoked." }),
    revokedBy: t.exposeString("revokedBy", { nullable: true, description: "Who revoked it." }),
    requestsPerSecond: t.exposeInt("requestsPerSecond", {
      nullable: true,
      description: "How many requests it may send; 0 for any number, null for TOKEN_REQUESTS_PER_SECOND.",
    }),
  }),
});

builder.objectField(ViewerType, "token", (t) =>
  t.field({
    type: TokenType,
    nullable: true,
    description: "The token that this request was sent with; null for another kind of caller.",
    resolve: ({ token }) => token ?? null,
  }),
);

const TokenConnectionType = connectionType("Token", TokenType, "tokens");

builder.queryFields((t) => ({
  token: t.field({
    type: TokenType,
    nullable: true,
    args: { name: t.arg.string({ required: true, description: "The token's name." }) },
    complexity: ASKING_THE_STORE,
    description: "One token; null when none that you may see has that name.",
    resolve: async (_root, { name }, { access, operations }) =>
      (await operations.tokens.getMany(access, { names: [name] }))[0] ?? null,
  }),
  tokens: t.field({
    type: TokenConnectionType,
    args: {
      project: t.arg.string({ description: "Only tokens that may be used in this project." }),
      state: t.arg({ type: TokenStateType, description: "Only tokens in this state." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description:
      "The tokens that you may see, by name. Revoked and expired ones stay for AUDIT_DAYS; then their names are free.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.tokens.list(access, { ...args, page: pageOf(args, "tokens") }),
      order: "tokens" as const,
    }),
  }),
}));

const CreateTokenInput = builder.inputType("CreateTokenInput", {
  description: "The token to make.",
  fields: (t) => ({
    name: t.string({
      required: true,
      description: "Its name, which no other token has or had: 1 to 64 letters, digits, underscores, dashes and dots.",
    }),
    scopes: t.field({ type: [TokenScopeType], required: true, description: "What it is for. At least one." }),
    projects: t.stringList({
      description:
        "Where it may be used. Left out: in all projects, which needs an admin of all projects; so does ADMINISTER, which takes no projects.",
    }),
    expiresInDays: t.int({
      description: `After how many days it ends, up to ${MAX_TOKEN_DAYS}; 0 for never. Left out: ${DEFAULT_TOKEN_DAYS}.`,
    }),
    requestsPerSecond: t.int({
      description:
        "How many requests it may send; 0 for any number. Left out: TOKEN_REQUESTS_PER_SECOND. Only an admin of all projects may give more than that.",
    }),
    reason: t.string(reasonField),
  }),
});

const CreateTokenPayload = builder.objectRef<{ token: Token; secret: string }>("CreateTokenPayload").implement({
  description: "The result of createToken.",
  fields: (t) => ({
    token: t.expose("token", { type: TokenType, description: "The token." }),
    secret: t.exposeString("secret", {
      description: "What programs send as `Authorization: Bearer SECRET`. Keep it: nobody can read it again.",
    }),
  }),
});

const RevokeTokenInput = builder.inputType("RevokeTokenInput", {
  description: "The token to end.",
  fields: (t) => ({
    name: t.string({ required: true, description: "Its name." }),
    reason: t.string(reasonField),
  }),
});

const RevokeTokenPayload = builder.objectRef<{ token: Token }>("RevokeTokenPayload").implement({
  description: "The result of revokeToken.",
  fields: (t) => ({ token: t.expose("token", { type: TokenType, description: "The token as it is now." }) }),
});

builder.mutationFields((t) => ({
  createToken: t.field({
    type: CreateTokenPayload,
    args: { input: t.arg({ type: CreateTokenInput, required: true, description: "The token." }) },
    description:
      "Makes a token, which can be used at once. Needs an admin of all its projects. If the answer is lost, revoke the token and make another: nobody can read its secret again. TOKEN_ALREADY_EXISTS.",
    resolve: (_root, { input }, { access, operations }) =>
      operations.tokens.create(access, { ...input, projects: input.projects ?? null }),
  }),
  revokeToken: t.field({
    type: RevokeTokenPayload,
    args: { input: t.arg({ type: RevokeTokenInput, required: true, description: "The token." }) },
    description:
      "Ends a token for good. Within a second every process refuses it. Needs an admin of all its projects. Safe to repeat. TOKEN_DOES_NOT_EXIST.",
    resolve: async (_root, { input }, { access, operations }) => ({
      token: await operations.tokens.revoke(access, input),
    }),
  }),
}));
