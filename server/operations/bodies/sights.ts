/**
 * What a caller sees of bodies and headers. Every message that leaves the operations goes through here: a record is
 * made only with a sight.
 */
import { type Access, mayUse, ROLES, type Role, roleIn } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { MessageAction } from "../../jobs/dry-run.ts";
import type { Claim, Message } from "../../storage/data-driver.ts";
import type { MessageHeaders } from "../../storage/messages/message-headers.ts";
import type { MessageFilter } from "../../storage/messages/message-select.ts";
import type { BodyPath } from "./body-path.ts";
import { MASK, MASK_JSON, maskBody } from "./mask-body.ts";
import type { BodyRuleBook, ReadRule } from "./rule-book.ts";

export type BodyVisibility = "full" | "masked" | "hidden";

export interface Sight {
  readonly visibility: BodyVisibility;
  /** What is masked. */
  readonly paths: readonly BodyPath[];
}

const FULL: Sight = { visibility: "full", paths: [] };
const HIDDEN: Sight = { visibility: "hidden", paths: [] };

/** Callers who see everything cost nothing: admins, and tokens in what they take. */
export class BodySights {
  readonly #rules: BodyRuleBook;
  readonly #ofRules = new WeakMap<ReadRule, Sight>();

  constructor(rules: BodyRuleBook) {
    this.#rules = rules;
  }

  /** Of messages that the caller reads in this project. */
  read(access: Access, project: string): Sight | Promise<Sight> {
    const role = roleIn(access, project);
    if (role === "admin") return FULL;
    const rule = this.#rules.of(project);
    return rule instanceof Promise ? rule.then((read) => this.#by(role, read)) : this.#by(role, rule);
  }

  /**
   * Of messages that the caller claims or pops. Programs must see what they work on. A person reads: it may not claim
   * what it may not read.
   */
  taken(access: Access, project: string): Sight | Promise<Sight> {
    return access.kind === "token" ? FULL : this.read(access, project);
  }

  /** Of the messages of a claim that the caller asks for: a program that reads its own has got them already. */
  held(access: Access, project: string, { actor }: Claim): Sight | Promise<Sight> {
    const isOwn = access.kind === "token" && actor === access.actor && mayUse(access, "consume", project);
    return isOwn ? FULL : this.read(access, project);
  }

  /** The sights of these projects. */
  async readEach(access: Access, projects: Iterable<string>): Promise<ReadonlyMap<string, Sight>> {
    const each = [...new Set(projects)].map(async (project) => [project, await this.read(access, project)] as const);
    return new Map(await Promise.all(each));
  }

  /** FORBIDDEN unless the caller reads the bodies of these projects in full. `does`: what the field does with them. */
  async requireFull(access: Access, projects: Iterable<string>, field: string, does: string): Promise<void> {
    for (const [project, sight] of await this.readEach(access, projects)) {
      if (sight === FULL) continue;
      const text = `${field} ${does}, and those of the project ${JSON.stringify(project)} you do not read in full.`;
      throw new DomainError("FORBIDDEN", `${text} Leave it out, or ask an admin.`, { details: { field } });
    }
  }

  /**
   * The same for what would tell of bodies: what is found by a text has it in its body, and in another project another
   * rule applies.
   */
  async requireFor(
    access: Access,
    projects: readonly string[],
    { action, filter }: { action?: MessageAction; filter: MessageFilter },
  ): Promise<void> {
    if (filter.bodyContains !== undefined) {
      await this.requireFull(access, projects, "filter.bodyContains", "looks into bodies");
    }
    if (action?.kind === "moveMessages") {
      const { to } = action;
      const others = projects.filter((project) => project !== to.project);
      await this.requireFull(access, others, "action.move", "takes bodies to another project");
    }
  }

  #by(role: Role | null, rule: ReadRule): Sight {
    if (role !== null && ROLES.indexOf(role) >= ROLES.indexOf(rule.readBy)) return FULL;
    if (rule.paths.length === 0) return HIDDEN;
    const known = this.#ofRules.get(rule) ?? { visibility: "masked", paths: rule.paths };
    this.#ofRules.set(rule, known);
    return known;
  }
}

/**
 * A copy of the message with what a sight that is not full allows. A hidden body is the mask, and its headers are left
 * out. Of a masked one the values that the paths lead to are the mask, and so are the values of all headers.
 */
export async function shownPart(
  message: Message,
  { visibility, paths }: Sight,
): Promise<Message & { bodyVisibility: BodyVisibility }> {
  const seen = { ...message, bodyVisibility: visibility };
  if (visibility !== "masked") return { ...seen, bodyText: MASK_JSON, headers: null };
  return { ...seen, bodyText: await maskBody(message.bodyText, paths), headers: maskedHeaders(message.headers) };
}

function maskedHeaders(headers: MessageHeaders | null): MessageHeaders | null {
  return headers === null ? null : Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));
}
