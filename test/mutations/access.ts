/** Who sees and does what. */
import type { Mutation } from "./mutation.ts";

const access = (name: string) => ({ file: "test/access/matrix.test.ts", name });

export const ACCESS: readonly Mutation[] = [
  {
    guarantee: "A list of all projects has only those that the caller may see",
    file: "server/operations/input/names.ts",
    from: "return access.rights[permission];",
    to: 'return "all";',
    test: access("is in no list, record or file of callers of another project"),
  },
  {
    guarantee: "What adds up all projects is for those who may read all",
    file: "server/operations/pools/read.ts",
    from: "countByPools({ pools: names, projects: access.rights.read })",
    to: 'countByPools({ pools: names, projects: "all" })',
    test: access("is counted in no pool, history or collection"),
  },
  {
    guarantee: "What another project has is answered like what does not exist",
    file: "server/operations/jobs/starts.ts",
    from: "const dryRun = visibleDryRun(access, await dryRuns.get(token));",
    to: "const dryRun = await dryRuns.get(token);",
    test: access("is answered as if it did not exist, whatever is asked, and with the same work"),
  },
];
