/** Arguments and endings of the programs that talk to a running service. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import { serviceUrl } from "../http/listening.ts";

/** Says why, and ends the process as failed. */
export function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

/** The arguments; ends the process with the usage when they are wrong, and after --help. */
export function readArguments<Options extends ParseArgsOptionsConfig>(usage: string, options: Options) {
  const all = { ...options, help: { type: "boolean", short: "h" } } as const satisfies ParseArgsOptionsConfig;
  try {
    const read = parseArgs({ allowPositionals: true, options: all });
    if ((read.values as { help?: boolean }).help !== true) return read;
  } catch (error) {
    fail(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  }
  console.log(usage);
  process.exit(0);
}

/** Where the service is: the URL that was given, or else that of the settings. */
export function chosenUrl(given: string | undefined): string {
  if (given !== undefined && !URL.canParse(given)) fail(`This is no URL: ${given}`);
  try {
    return (given ?? serviceUrl(readConfig())).replace(/\/+$/, "");
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** The token of the settings. */
export function chosenToken(): string | undefined {
  return readConfig().TOKEN;
}

export const URL_USAGE = `  --url URL         where the service is; left out, it follows from the same settings as npm start
                    (HOST, PORT, PUBLIC_URL, BASE_PATH)
  --help            this text

To a service with AUTH=accounts it sends the token of the variable TOKEN. It needs a token with the scope administer.`;
