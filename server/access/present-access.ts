import type { Access } from "./access.ts";

/**
 * What an actor may do now, for work that goes on after its request has ended. Null once the actor has no rights any
 * more.
 */
export type PresentAccess = (actor: Pick<Access, "actor" | "requestId">) => Promise<Access | null>;

/** With AUTH=none everybody who could ask is admin, and stays it. */
export function createPresentAccess(): PresentAccess {
  return async ({ actor, requestId }) => ({ actor, role: "admin", projects: "all", requestId });
}
