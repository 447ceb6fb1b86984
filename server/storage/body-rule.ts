/** Who reads the bodies of a project's messages in full, and what others see of them. */
export interface BodyRule {
  readonly project: string;
  /** The lowest role that reads bodies in full. */
  readonly readBy: "viewer" | "operator" | "admin";
  /** What others do not see of a body, as paths. None: they see nothing of it. */
  readonly maskedPaths: readonly string[];
  /** Who set it, and when. */
  readonly actor: string;
  readonly at: Date;
}

export interface BodyRulesController {
  /** The rules that were set for these projects, in any order. */
  getMany(projects: readonly string[]): Promise<BodyRule[]>;
  /** Replaces the rule of a project, which need not have queues. */
  set(rule: Omit<BodyRule, "at">): Promise<BodyRule>;
}
