/** Looks whether the service runs where the settings say. */
import type { Config } from "../../config.ts";
import { serviceUrl } from "../../http/listening.ts";
import { type Finding, ok, warning } from "./finding.ts";

const WAIT_MS = 5000;

export async function lookAtService(config: Config): Promise<Finding> {
  // Not PUBLIC_URL, which may lead to another machine.
  const url = (config.ISIMUD_URL ?? serviceUrl({ ...config, PUBLIC_URL: undefined })).replace(/\/+$/, "");
  let response: Response;
  try {
    response = await fetch(`${url}/api/health/ready`, { signal: AbortSignal.timeout(WAIT_MS) });
  } catch {
    return ok("service", `It does not run at ${url}.`);
  }
  if (response.ok) return ok("service", `It runs at ${url}, and is ready.`);
  const output = ((await response.json().catch(() => null)) as { output?: string } | null)?.output;
  return warning(
    "service",
    `It runs at ${url}, and is not ready: ${output ?? `its answer has the status ${response.status}`}.`,
    "What is below may say why; else read its log.",
  );
}
