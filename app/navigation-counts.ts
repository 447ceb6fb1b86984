import { paths } from "../components/paths.ts";
import { countProblems, countText, type ProblemCount, SEVERITIES } from "../components/problems/looks.ts";
import { formatCount } from "../components/ui/format.ts";
import type { NavCounts } from "../components/ui/shell.tsx";
import { NAVIGATION } from "./documents.ts";
import { load } from "./execute.ts";

/** What the navigation shows beside its names. What cannot be read is left out. */
export async function navigationCounts(): Promise<NavCounts> {
  const loaded = await load(NAVIGATION, {}, ["problemSummary", "queues", "pools"]);
  if (!loaded.ok) return {};
  const { problemSummary, queues, pools } = loaded.data;
  const groups = problemSummary ?? [];
  const counts: NavCounts = {};
  const add = (href: string, problems: ProblemCount | null) => {
    if (problems === null) return;
    const text = countText(problems);
    counts[href] = {
      text,
      label: problems.count === 1 ? "1 problem" : `${text} problems`,
      mark: SEVERITIES[problems.severity],
    };
  };
  add(paths.overview(), countProblems(groups));
  add(paths.pools(), countProblems(groups, "pools"));
  add(paths.jobs(), countProblems(groups, "jobs"));
  if (queues?.count) {
    const text = formatCount(queues.count.value, queues.count.exact ? "exact" : "at-least");
    counts[paths.queues(null)] = { text, label: queues.count.value === 1 ? "1 queue" : `${text} queues` };
  }
  const claimed = (pools?.nodes ?? []).reduce((sum, { stats }) => sum + (stats?.claimed ?? 0), 0);
  if (claimed > 0)
    counts[paths.claims()] = { text: formatCount(claimed), label: `${formatCount(claimed)} messages are claimed` };
  return counts;
}
