import { type Access, EVERYTHING } from "./access.ts";

/**
 * What an actor may do now, for work that goes on after its request has ended. Null once the actor has no rights any
 * more.
 */
export type PresentAccess = (actor: Pick<Access, "actor" | "requestId">) => Promise<Access | null>;

/** With AUTH=none everybody who could ask may do everything, and it stays so. */
export function createPresentAccess(): PresentAccess {
  return async ({ actor, requestId }) => ({ actor, kind: "local", rights: EVERYTHING, requestId });
}
