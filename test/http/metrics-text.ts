/** Reads the text format of Prometheus, and the table of metrics in docs/operating.md. */
import { readFileSync } from "node:fs";

export interface Family {
  type: string;
  /** Of a histogram, only its sums and counts. */
  values: { labels: Record<string, string>; value: number }[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const SAMPLE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (NaN|[+-]?Inf|-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`,
);
const SUFFIXES: Record<string, readonly string[]> = { histogram: ["_bucket", "_sum", "_count"] };

/**
 * Strict: throws for a line that is not of the format, a series that occurs twice, a family that is not in one piece or
 * lacks its help or type, and a histogram whose buckets do not grow up to its count.
 */
export function metricFamilies(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line has no end.");
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let helped: string | undefined;
  let current: { name: string; family: Family; bucket: number } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = /^# HELP (\S+) (?:[^\\\n]|\\[\\n])+$/.exec(line);
    const typed = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (help) {
      helped = help[1];
      continue;
    }
    if (typed) {
      const [, name = "", type = ""] = typed;
      if (helped !== name || families.has(name)) throw new Error(`Out of place: ${line}`);
      const family = { type, values: [] };
      families.set(name, family);
      current = { name, family, bucket: 0 };
      continue;
    }
    const [, name = "", labelText = "", valueText = ""] = SAMPLE.exec(line) ?? [];
    const suffix = current && name.startsWith(current.name) ? name.slice(current.name.length) : undefined;
    if (!current || suffix === undefined || !(SUFFIXES[current.family.type] ?? [""]).includes(suffix)) {
      throw new Error(`Not of the format, or out of place: ${line}`);
    }
    if (series.has(line.slice(0, line.lastIndexOf(" ")))) throw new Error(`Twice: ${line}`);
    series.add(line.slice(0, line.lastIndexOf(" ")));
    const labels = labelsOf(labelText);
    const value = Number(valueText.replace("Inf", "Infinity"));
    if (suffix === "_bucket") {
      if (value < current.bucket) throw new Error(`Falls: ${line}`);
      current.bucket = labels.le === "+Inf" ? 0 : value;
    } else current.family.values.push({ labels, value });
  }
  return families;
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([^=,]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [
    name,
    value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
  ]);
  return Object.fromEntries(pairs);
}

export function documentedMetrics(): Map<string, { type: string; labels: string[]; workers: string }> {
  const table = readFileSync("docs/operating.md", "utf8").split("| Metric | Type |")[1]?.split("\n\n")[0] ?? "";
  const rows = table
    .split("\n")
    .slice(2)
    .map((row) => row.split("|").map((cell) => cell.trim()))
    .map(([, name = "", type = "", labels = "", workers = ""]) => {
      const names = labels.split(", ").map(unquoted);
      return [unquoted(name), { type, labels: names.filter((label) => label !== ""), workers }] as const;
    });
  return new Map(rows);
}

const unquoted = (text: string) => text.replaceAll("`", "");
