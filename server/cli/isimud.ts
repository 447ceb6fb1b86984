/**
 * The command line: `isimud COMMAND`, which the npm scripts call too. It ends with 0 when the command is done, with 1
 * when it failed, with 2 when it was called wrongly or the settings are wrong, and with 130 when Ctrl-C broke it off.
 */
import { explain } from "../process/start-error.ts";
import { wasInterrupted } from "./interrupt.ts";
import { isOutputGone, tell, watchOutput } from "./output.ts";

const USAGE_ERROR = 2;
/** So that what was printed is written. */
const PATIENCE_MS = 2000;

watchOutput();

try {
  // Only now, so that a missing package is explained.
  const { createProgram } = await import("./program.ts");
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // What a failed command left open does not keep the process.
  setTimeout(() => process.exit(), PATIENCE_MS).unref();
}

// A signal that came while the process ends by itself would end it instead, with no exit code.
if (wasInterrupted()) {
  const end = () => process.exit();
  if (isOutputGone()) end();
  else process.stdout.write("", end);
}

/** Tells what is wrong, unless commander has done so already. */
function exitCodeOf(error: unknown): number {
  const { name, exitCode } = error as { name?: string; exitCode?: number };
  if (name === "CommanderError") return exitCode === 0 ? 0 : USAGE_ERROR;
  tell(explain(error));
  if (name === "ConfigError") return USAGE_ERROR;
  return exitCode ?? 1;
}
