/** What the operating system knows about other processes. A process id alone proves nothing: ids are reused. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  // In a container without an init, an orphan that ended stays a zombie.
  return statFields(pid)?.[0] !== "Z";
}

/** Null where the system does not tell it. */
export function commandLine(pid: number): string | null {
  if (existsSync(`/proc/${pid}/cmdline`)) return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  return runPs(pid, "command");
}

/**
 * Differs between two processes that had the same id. Null when there is no such process, or the system does not tell.
 */
export function identityOf(pid: number): string | null {
  const started = statFields(pid)?.[19];
  if (started === undefined) return runPs(pid, "lstart");
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${started}`;
}

/** Linux: the fields behind the command's name, which may itself contain spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function runPs(pid: number, column: "command" | "lstart"): string | null {
  if (process.platform === "win32") return null;
  const result = spawnSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : null;
}
