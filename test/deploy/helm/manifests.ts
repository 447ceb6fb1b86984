/** What Kubernetes says about manifests, without a cluster: the schemas and types of its API. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import type { Manifest } from "./helm.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

function moduleOf({ apiVersion, kind }: Manifest): string {
  const models = apiVersion.startsWith("monitoring.coreos.com/")
    ? "@kubernetes-models/prometheus-operator"
    : "kubernetes-models";
  return `${models}/${apiVersion}/${kind}`;
}

/** Rejects with what is missing, has a wrong type, or a value that the API does not know. */
export async function validate(manifest: Manifest): Promise<void> {
  const models = (await import(moduleOf(manifest))) as Record<
    string,
    new (
      data: Manifest,
    ) => { validate(): void } | undefined
  >;
  const Model = models[manifest.kind];
  if (Model === undefined) throw new Error(`${manifest.apiVersion} has no ${manifest.kind}`);
  new Model(manifest)?.validate();
}

/**
 * The complaints of TypeScript, which refuses names in a literal that its type does not have. The schemas let them pass,
 * and so would a cluster: a misspelt field would do nothing.
 */
export function misspelt(manifests: readonly Manifest[]): string[] {
  const file = join(ROOT, "test/deploy/helm/rendered.ts");
  const lines = manifests.flatMap((manifest, index) => [
    `import type { I${manifest.kind} as T${index} } from ${JSON.stringify(moduleOf(manifest))};`,
    `export const m${index}: T${index} = ${JSON.stringify(manifest)};`,
  ]);
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, version, ...rest) =>
    name === file ? ts.createSourceFile(name, lines.join("\n"), version) : getSourceFile(name, version, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}
