import { LRUCache } from "lru-cache";
import type { BodyRule, BodyRulesController } from "../../storage/body-rule.ts";
import { type BodyPath, readBodyPath } from "./body-path.ts";

/** How long a process may use what it read: a rule takes effect in other processes within this time. */
const FRESH_MS = 1000;
const MOST_PROJECTS = 10_000;

/** A rule, also one that nobody has set. */
export interface ProjectRule extends Pick<BodyRule, "project" | "readBy" | "maskedPaths"> {
  /** Null: nobody has set one. */
  readonly actor: string | null;
  readonly at: Date | null;
}

/** A rule with its paths as they are applied. */
export interface ReadRule extends ProjectRule {
  readonly paths: readonly BodyPath[];
}

/** The rules of bodies, for those whose role does not settle what they see: a statement a second and project. */
export class BodyRuleBook {
  readonly #rules: BodyRulesController;
  readonly #now: () => number;
  readonly #known = new LRUCache<string, { rule: ReadRule; readAt: number }>({ max: MOST_PROJECTS });
  readonly #reading = new Map<string, Promise<ReadRule>>();

  constructor({ rules, now }: { rules: BodyRulesController; now: () => number }) {
    this.#rules = rules;
    this.#now = now;
  }

  of(project: string): ReadRule | Promise<ReadRule> {
    const known = this.#known.get(project);
    if (known !== undefined && this.#now() - known.readAt < FRESH_MS) return known.rule;
    const running = this.#reading.get(project);
    if (running !== undefined) return running;
    const readAt = this.#now();
    const reading = this.#rules
      .getMany([project])
      .then(([rule]) => {
        const read = readRule(rule ?? standard(project));
        // What was read before a change is not kept.
        if (this.#reading.get(project) === reading) this.#known.set(project, { rule: read, readAt });
        return read;
      })
      .finally(() => {
        if (this.#reading.get(project) === reading) this.#reading.delete(project);
      });
    this.#reading.set(project, reading);
    return reading;
  }

  /** Call it after a change here: the next look reads the database. */
  forget(project: string): void {
    this.#known.delete(project);
    this.#reading.delete(project);
  }
}

/** What applies where nobody has set a rule. */
export function standard(project: string): ProjectRule {
  return { project, readBy: "operator", maskedPaths: [], actor: null, at: null };
}

function readRule(rule: ProjectRule): ReadRule {
  return { ...rule, paths: rule.maskedPaths.map((path) => readBodyPath("maskedPaths", path)) };
}
