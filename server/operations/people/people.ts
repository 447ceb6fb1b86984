import type { OperationContext } from "../context.ts";
import { createPersonReads, type PersonReads } from "./read.ts";
import { createSessionOperations, type SessionOperations } from "./sessions.ts";
import { createPersonWrites, type PersonWrites } from "./write.ts";

/**
 * People who sign in. All needs administer in all projects, but for what is one's own: to read oneself, to change one's
 * name, and to end one's sessions.
 */
export interface PeopleOperations extends PersonReads, PersonWrites, SessionOperations {}

export function createPeopleOperations(context: OperationContext): PeopleOperations {
  return { ...createPersonReads(context), ...createPersonWrites(context), ...createSessionOperations(context) };
}
