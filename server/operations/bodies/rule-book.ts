import { LRUCache } from "lru-cache";
import type { BodyRule, BodyRulesController } from "../../storage/body-rule.ts";
import { FreshValue } from "../fresh-value.ts";
import { type BodyPath, readBodyPath } from "./body-path.ts";

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
  readonly #known = new LRUCache<string, FreshValue<ReadRule>>({ max: MOST_PROJECTS });

  constructor({ rules, now }: { rules: BodyRulesController; now: () => number }) {
    this.#rules = rules;
    this.#now = now;
  }

  of(project: string): ReadRule | Promise<ReadRule> {
    let known = this.#known.get(project);
    if (known === undefined) {
      known = new FreshValue({ read: () => this.#read(project), now: this.#now });
      this.#known.set(project, known);
    }
    return known.get();
  }

  /** Call it after a change here: the next look reads the database. */
  forget(project: string): void {
    this.#known.delete(project);
  }

  async #read(project: string): Promise<ReadRule> {
    const [rule] = await this.#rules.getMany([project]);
    return readRule(rule ?? standard(project));
  }
}

/** What applies where nobody has set a rule. */
export function standard(project: string): ProjectRule {
  return { project, readBy: "operator", maskedPaths: [], actor: null, at: null };
}

function readRule(rule: ProjectRule): ReadRule {
  return { ...rule, paths: rule.maskedPaths.map((path) => readBodyPath("maskedPaths", path)) };
}
