import { type Access, requirePermission } from "../../access/access.ts";
import { audited, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { ProjectAddress } from "../input/addresses.ts";
import { badInput, checkBatch, checkText } from "../input/limits.ts";
import { chosenProject } from "../input/names.ts";
import { readBodyPath } from "./body-path.ts";
import { maskBody } from "./mask-body.ts";
import { type BodyRuleBook, type ProjectRule, standard } from "./rule-book.ts";
import type { BodySights } from "./sights.ts";

/** Paths of one rule, and characters of each. */
export const MAX_MASKED_PATHS = 50;
const MAX_PATH_LENGTH = 200;
/** Steps of all paths together: each may be held against each value of a body. */
const MAX_STEPS = 200;

/**
 * Who reads the bodies and headers of a project's messages, and what others see of them. It applies to everything that
 * shows messages: lists, records, searches, tails, claims of others, samples of dry runs and exports. A token sees in
 * full what it claims or pops, whatever the rule says.
 */
export interface BodyOperations {
  /** The rules of these projects, in the order asked. Where none was set: operators, and nothing for others. Permission read. */
  rules(access: Access, params: { projects: readonly string[] }): Promise<ProjectRule[]>;
  /**
   * Sets the project's rule. The lowest role that reads bodies in full is `readBy`; others see bodies without what
   * `maskedPaths` lead to, or nothing of them when there are none. Takes effect in other processes within a second.
   * Permission administer. Audited. BAD_INPUT for a path that is none.
   */
  setRule(
    access: Access,
    params: ProjectAddress & { readBy: ProjectRule["readBy"]; maskedPaths: readonly string[] },
  ): Promise<ProjectRule>;
  /**
   * What a job or a dry run was asked for, an object as JSON text, without what it tells of bodies: who does not read
   * them in full neither sees the body of test messages nor the text that bodies were searched for. `project`: null for
   * several.
   */
  shownInput(access: Access, about: { project: string | null; inputText: string }): Promise<string>;
}

/** Where the input of jobs and dry runs has bodies, or parts of them. */
const IN_INPUTS = ["$.bodyText", "$.filter.bodyContains"].map((path) => readBodyPath("input", path));

export function createBodyOperations(
  context: OperationContext,
  { rules, sights }: { rules: BodyRuleBook; sights: BodySights },
): BodyOperations {
  const { control, limits } = context;
  return {
    async rules(access, params) {
      requirePermission(access, "read");
      const projects = checkBatch(limits, "projects", params.projects).map((project) =>
        chosenProject(limits, access, "read", project),
      );
      const found = new Map((await control.bodyRules.getMany(projects)).map((rule) => [rule.project, rule]));
      return projects.map((project) => found.get(project) ?? standard(project));
    },

    async setRule(access, params) {
      const { readBy } = params;
      const asked = params.project ?? null;
      const trace: Trace = { access, action: "setBodyRule", project: asked, target: `project ${asked ?? ""}` };
      const project = await permitted(context, trace, (permission) => chosenProject(limits, access, permission, asked));
      const maskedPaths = checkPaths(params.maskedPaths);
      const made = { ...trace, project, target: `project ${project}` };
      return audited(context, made, async (tx) => {
        const [before = standard(project)] = await tx.bodyRules.getMany([project]);
        const result = await tx.bodyRules.set({ project, readBy, maskedPaths, actor: access.actor });
        const was = { readBy: before.readBy, maskedPaths: before.maskedPaths };
        return { result, details: { before: was, after: { readBy, maskedPaths } } };
      }).finally(() => rules.forget(project));
    },

    async shownInput(access, { project, inputText }) {
      if (access.rights.administer === "all") return inputText;
      const sight = project === null ? null : await sights.read(access, project);
      return sight?.visibility === "full" ? inputText : maskBody(inputText, IN_INPUTS);
    },
  };
}

function checkPaths(paths: readonly string[]): string[] {
  if (paths.length > MAX_MASKED_PATHS) {
    throw badInput("maskedPaths", `A rule may have at most ${MAX_MASKED_PATHS} paths; this one has ${paths.length}.`, {
      value: paths.length,
      maximum: MAX_MASKED_PATHS,
    });
  }
  let steps = 0;
  const checked = paths.map((given, index) => {
    const field = `maskedPaths.${index}`;
    const path = checkText(field, given).trim();
    if (path.length > MAX_PATH_LENGTH) {
      throw badInput(field, `${field} may have at most ${MAX_PATH_LENGTH} characters; it has ${path.length}.`, {
        value: path.length,
        maximum: MAX_PATH_LENGTH,
      });
    }
    steps += readBodyPath(field, path).length;
    return path;
  });
  if (steps > MAX_STEPS) {
    throw badInput("maskedPaths", `maskedPaths may have at most ${MAX_STEPS} steps together; these have ${steps}.`, {
      value: steps,
      maximum: MAX_STEPS,
    });
  }
  return [...new Set(checked)];
}
