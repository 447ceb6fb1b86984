/** The chart as helm renders it. Nothing reaches a cluster. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

export const CHART = fileURLToPath(new URL("../../../deploy/helm/isimud", import.meta.url));

/** What helm prints. Throws an Error with what it complains about. */
export function helm(...argv: string[]): string {
  try {
    return execFileSync("helm", argv, {
      encoding: "utf8",
      stdio: "pipe",
      env: { ...process.env, KUBECONFIG: "/nonexistent" },
    });
  } catch (error) {
    throw new Error((error as { stderr?: string }).stderr || String(error));
  }
}

/** Runs `work` with the name of a file that holds these values. */
export function withValues<T>(values: object, work: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "isimud-values-"));
  const file = join(folder, "values.yaml");
  try {
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(values));
    return work(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: manifests.ts checks the shape.
  spec: any;
}

/** The manifests of a release named "isimud" in the namespace "queues". */
export function render(values: object): Manifest[] {
  const text = withValues(values, (file) =>
    helm("template", "isimud", CHART, "--namespace=queues", `--values=${file}`),
  );
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}
