/** Processes that tests start end with the tests, also when these fail, or are killed and clean up nothing. */
import { type ChildProcess, spawn } from "node:child_process";

/**
 * Reads "+PID" for a process that began and "-PID" for one that ended. Its input ends when the process of the tests
 * does, however that ends. Then it kills those that are left; a stopped process reacts to no other signal than KILL.
 */
const GUARD = `
pids=" "
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    *) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
[ "$pids" = " " ] || kill -9 $pids
`;

let guard: ChildProcess | undefined;

/** A group of its own, so that Ctrl-C in a terminal does not end it first. */
function startGuard(): ChildProcess {
  const child = spawn("/bin/sh", ["-c", GUARD], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  child.stdin?.on("error", () => undefined);
  // It holds up no process that is done.
  child.unref();
  (child.stdin as unknown as { unref(): void } | null)?.unref();
  return child;
}

/** Kills `child` when this process is gone. Nothing to be done on Windows, which has no such shell. */
export function endWithTests(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined || process.platform === "win32") return;
  guard ??= startGuard();
  guard.stdin?.write(`+${pid}\n`);
  child.once("exit", () => guard?.stdin?.write(`-${pid}\n`));
}
