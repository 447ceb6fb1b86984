/** The caller, and the roles that there are. */
import { type Access, highestRole, projectsOf } from "../access/access.ts";
import { builder } from "./schema/builder.ts";

export const RoleType = builder.enumType("Role", {
  description: "What a caller may do. Each role may do what those before it may.",
  values: {
    VIEWER: { value: "viewer", description: "Read." },
    OPERATOR: { value: "operator", description: "Also work with queues, messages, claims and subscriptions." },
    ADMIN: {
      value: "admin",
      description:
        "Also change the catalogue, rules of bodies and tokens; in all projects also pools, flavors, key-value stores and people.",
    },
  } as const,
});

const CallerKindType = builder.enumType("CallerKind", {
  description: "What kind of caller it is.",
  values: {
    LOCAL: { value: "local", description: "Anybody on this machine, because access control is off." },
    PERSON: { value: "person", description: "A person who is signed in." },
    TOKEN: { value: "token", description: "A program, by its token." },
    SERVICE: { value: "service", description: "This service itself." },
  } as Record<string, { value: Access["kind"]; description: string }>,
});

export const ViewerType = builder.objectRef<Access>("Viewer").implement({
  description: "The caller.",
  fields: (t) => ({
    actor: t.exposeString("actor", { description: "The name of the caller in the audit log." }),
    kind: t.expose("kind", { type: CallerKindType, description: "What kind of caller you are." }),
    role: t.field({
      type: RoleType,
      nullable: true,
      description: "The highest role that the caller has in any project; null for less than a viewer.",
      resolve: highestRole,
    }),
    projects: t.stringList({
      nullable: true,
      description: "The projects in which the caller may do anything; null for all.",
      resolve: (access) => {
        const projects = projectsOf(access);
        return projects === "all" ? null : [...projects];
      },
    }),
    requestId: t.exposeString("requestId", {
      description: "The id of this request, as in logs and audit entries.",
    }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({ type: ViewerType, description: "You, the caller.", resolve: (_root, _args, { access }) => access }),
}));
