/** Where people are signed in. */
import { MAX_LISTED_SESSIONS, type SessionRecord } from "../operations/people/sessions.ts";
import { PersonType, storedPersonId } from "./people.ts";
import { reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { NodeType, nodeId, readNodeId } from "./schema/node.ts";
import { ViewerType } from "./viewer.ts";

const sessionId = nodeId<SessionRecord>("Session", {
  length: 1,
  key: ({ id }) => [id],
  load: (keys, { access, operations }) => operations.people.getSessions(access, { ids: keys.map(([id = ""]) => id) }),
});

const SessionType = builder.objectRef<SessionRecord>("Session").implement({
  description: "A browser in which a person is signed in.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(sessionId),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the person signed in." }),
    lastSeenAt: t.expose("lastSeenAt", { type: "DateTime", description: "The last request, at most a minute behind." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description: "When it ends, whatever happens. It ends sooner when it is idle for SESSION_IDLE_SECONDS.",
    }),
    address: t.exposeString("address", {
      nullable: true,
      description: "The client's IP address at sign-in, if known.",
    }),
    userAgent: t.exposeString("userAgent", { nullable: true, description: "What the browser said it is, if it did." }),
    isCurrent: t.exposeBoolean("isCurrent", { description: "True: this request belongs to it." }),
  }),
});

const SESSIONS = `The sessions that have not ended, the newest first, at most ${MAX_LISTED_SESSIONS}.`;

builder.objectField(PersonType, "sessions", (t) =>
  t.field({
    type: [SessionType],
    description: `${SESSIONS} All people of a list cost one statement.`,
    resolve: ({ id }, _args, context) =>
      batched(context, "Person.sessions", id, (ids) => context.operations.people.sessionsOf(context.access, { ids })),
  }),
);
builder.objectField(ViewerType, "sessions", (t) =>
  t.field({
    type: [SessionType],
    description: `${SESSIONS} Empty when the caller is no person.`,
    resolve: async ({ personId }, _args, { access, operations }) => {
      if (personId === undefined) return [];
      const [own = []] = await operations.people.sessionsOf(access, { ids: [personId] });
      return own;
    },
  }),
);

const EndSessionInput = builder.inputType("EndSessionInput", {
  description: "The session to end.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The session's id." }),
    reason: t.string(reasonField),
  }),
});
const EndSessionsInput = builder.inputType("EndSessionsInput", {
  description: "Whose sessions to end.",
  fields: (t) => ({
    personId: t.id({ required: true, description: "The person's id." }),
    others: t.boolean({
      defaultValue: false,
      required: true,
      description: "True: all but the one that this request belongs to.",
    }),
    reason: t.string(reasonField),
  }),
});
const EndSessionsPayload = builder.objectRef<{ ended: number }>("EndSessionsPayload").implement({
  description: "The result of endSession and endSessions.",
  fields: (t) => ({ ended: t.expose("ended", { type: "SafeInt", description: "How many sessions ended." }) }),
});

builder.mutationFields((t) => ({
  endSession: t.field({
    type: EndSessionsPayload,
    args: { input: t.arg({ type: EndSessionInput, required: true, description: "Which." }) },
    description:
      "Ends a session, in all processes within a second. One's own needs no right, those of others the role admin in all projects. Safe to repeat: what has ended, and what you may not see, counts 0.",
    resolve: (_root, { input }, { access, operations }) => {
      const [id = ""] = readNodeId("Session", input.id) ?? [];
      return operations.people.endSession(access, { id });
    },
  }),
  endSessions: t.field({
    type: EndSessionsPayload,
    args: { input: t.arg({ type: EndSessionsInput, required: true, description: "Whose." }) },
    description:
      "Ends all sessions of a person, in all processes within a second. One's own need no right, those of others the role admin in all projects. PERSON_DOES_NOT_EXIST.",
    resolve: (_root, { input }, { access, operations }) => {
      return operations.people.endSessions(access, { personId: storedPersonId(input.personId), others: input.others });
    },
  }),
}));
