import type { Access } from "../../access/access.ts";
import { chooseProject } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { QueueAddress } from "./addresses.ts";
import { badInput, isStorable } from "./limits.ts";

const NAME = /^[A-Za-z0-9_.-]+$/;
const MAX_NAME_LENGTH = 64;
const MAX_TOKEN_LENGTH = 255;

/** Names of queues are also names of dead letter queues, so `field` says which one is meant. */
export function checkQueueName(limits: Limits, name: unknown, field = "name"): string {
  return checkName(field, name, limits.MAX_QUEUE_NAME_LENGTH);
}

/** Names of pools, flavors and key-value stores. */
export function checkName(field: string, name: unknown, maximum = MAX_NAME_LENGTH): string {
  if (typeof name !== "string" || !NAME.test(name) || name.length > maximum) {
    throw badInput(
      field,
      `${field} must be 1 to ${maximum} characters out of letters, digits, underscores, dashes and dots.`,
      { maximum },
    );
  }
  return name;
}

/** May a list of names have given this marker? Names may be longer than what is allowed now. */
export function isNameMarker(marker: string): boolean {
  return NAME.test(marker);
}

/** The project that the request means, if it may be one. */
export function chosenProject(limits: Limits, access: Access, named: string | null | undefined): string {
  if (named !== null && named !== undefined) checkProject(limits, named);
  return chooseProject(access, named);
}

function checkProject(limits: Limits, project: unknown): void {
  if (!isStorable(project)) throw badInput("project", "project must be text without the character U+0000.");
  // Zaqar counts characters, not UTF-16 units; the cheap count decides for all but very long names.
  if (project.length > limits.MAX_PROJECT_LENGTH && [...project].length > limits.MAX_PROJECT_LENGTH) {
    throw badInput("project", `project may have at most ${limits.MAX_PROJECT_LENGTH} characters.`, {
      maximum: limits.MAX_PROJECT_LENGTH,
    });
  }
}

/** The queue that the request means. */
export function chosenQueue(limits: Limits, access: Access, address: QueueAddress): QueueRef {
  const project = chosenProject(limits, access, address.project);
  return { project, name: checkQueueName(limits, address.queue, "queue") };
}

/** A client id or an idempotency key: short text that is kept as it is. Null and undefined stay out. */
export function checkToken(field: string, token: unknown): string | null {
  if (token === null || token === undefined) return null;
  if (!isStorable(token) || token === "" || token.length > MAX_TOKEN_LENGTH) {
    throw badInput(field, `${field} must be text of 1 to ${MAX_TOKEN_LENGTH} characters without U+0000.`);
  }
  return token;
}

/** The project of a list, or undefined for all projects: only an unlimited caller may list across projects; one with a single project means that. */
export function chosenScope(
  limits: Limits,
  access: Access,
  params: { project?: string | null; allProjects?: boolean },
): string | undefined {
  if (params.allProjects !== true) return chosenProject(limits, access, params.project);
  if (params.project !== undefined && params.project !== null) {
    throw badInput("allProjects", "Give `project` or `allProjects`, not both.");
  }
  if (access.projects === "all") return undefined;
  return chosenProject(limits, access, undefined);
}
