import { type Access, chooseProject, type Permission, requirePermission } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { onlyProject, type Where } from "../../storage/where.ts";
import type { QueueAddress } from "./addresses.ts";
import { badInput, checkText } from "./limits.ts";

const NAME = /^[A-Za-z0-9_.-]+$/;
const MAX_NAME_LENGTH = 64;
/** Characters of a client id or an idempotency key. */
export const MAX_TOKEN_LENGTH = 255;

/** Returns the name, or BAD_INPUT. `field`: the parameter's name, because dead letter queues are checked here too. */
export function checkQueueName(limits: Limits, name: unknown, field = "queue"): string {
  return checkName(field, name, limits.MAX_QUEUE_NAME_LENGTH);
}

/** Returns the name of a pool, flavor or key-value store, or BAD_INPUT. `maximum`: characters. */
export function checkName(field: string, name: unknown, maximum = MAX_NAME_LENGTH): string {
  if (typeof name !== "string" || !NAME.test(name) || name.length > maximum) {
    throw badInput(
      field,
      `${field} must be 1 to ${maximum} characters out of letters, digits, underscores, dashes and dots.`,
      wrongLength(name, maximum),
    );
  }
  return name;
}

/** Details of a limit, or none for what is wrong in another way than its length. */
function wrongLength(text: unknown, maximum: number): Record<string, number> {
  if (typeof text !== "string" || (text !== "" && text.length <= maximum)) return {};
  return { value: text.length, minimum: 1, maximum };
}

/** Returns the text. BAD_INPUT unless it has from 1 to `maximum` characters. */
export function checkLength(field: string, text: string, maximum: number): string {
  if (text !== "" && text.length <= maximum) return text;
  throw badInput(field, `${field} must be text of 1 to ${maximum} characters.`, wrongLength(text, maximum));
}

/** True for a marker of a list by name. It may be longer than a new name may be now. */
export function isNameMarker(marker: string): boolean {
  return NAME.test(marker);
}

/** The project that the request means, if the caller may do this there. FORBIDDEN, BAD_INPUT: see ProjectAddress. */
export function chosenProject(
  limits: Limits,
  access: Access,
  permission: Permission,
  named: string | null | undefined,
): string {
  if (named !== null && named !== undefined) checkProject(limits, named);
  return chooseProject(access, permission, named);
}

/** Returns the project's name, or BAD_INPUT. */
export function checkProject(limits: Limits, given: unknown): string {
  const project = checkText("project", given);
  // Zaqar counts characters, not UTF-16 units. The cheap count of units decides for all but very long names.
  if (project.length > limits.MAX_PROJECT_LENGTH && [...project].length > limits.MAX_PROJECT_LENGTH) {
    throw badInput("project", `project may have at most ${limits.MAX_PROJECT_LENGTH} characters.`, {
      value: [...project].length,
      maximum: limits.MAX_PROJECT_LENGTH,
    });
  }
  return project;
}

/** The queue that the request means, if the caller may do this in its project. FORBIDDEN, BAD_INPUT. */
export function chosenQueue(limits: Limits, access: Access, permission: Permission, address: QueueAddress): QueueRef {
  const project = chosenProject(limits, access, permission, address.project);
  return { project, name: checkQueueName(limits, address.queue) };
}

/** Returns a client id or an idempotency key, or BAD_INPUT. Null when it is null or left out. */
export function checkToken(field: string, token: unknown): string | null {
  if (token === null || token === undefined) return null;
  return checkLength(field, checkText(field, token), MAX_TOKEN_LENGTH);
}

/**
 * Whether `chosenScope` has more than one project. Such a list is in the order of projects too, and its markers lead
 * nowhere in the list of one: that of a caller who has lost the others.
 */
export function isOfSeveral(access: Access, permission: Permission, allProjects: boolean): boolean {
  return allProjects && onlyProject(access.rights[permission]) === null;
}

/** The projects of a list. `allProjects`: all in which the caller has the permission. FORBIDDEN, BAD_INPUT. */
export function chosenScope(
  limits: Limits,
  access: Access,
  permission: Permission,
  params: { project?: string | null; allProjects?: boolean },
): Where {
  if (params.allProjects !== true) return [chosenProject(limits, access, permission, params.project)];
  if (params.project !== undefined && params.project !== null) {
    throw badInput("allProjects", "Give `project` or `allProjects`, not both.");
  }
  requirePermission(access, permission);
  return access.rights[permission];
}
