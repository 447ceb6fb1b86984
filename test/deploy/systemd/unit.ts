/** What is in the unit of systemd. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export const UNIT = new URL("../../../deploy/systemd/isimud.service", import.meta.url);

/** The values of a setting, in the order of the file. */
export function unitSettings(name: string): string[] {
  return [...readFileSync(UNIT, "utf8").matchAll(/^([A-Za-z]+)=(.*)$/gm)].flatMap(([, one, value = ""]) =>
    one === name ? [value] : [],
  );
}

/** The names of the system calls that the unit allows, with systemd's groups of this machine. */
export function allowedSystemCalls(): string[] {
  const allowed = new Set<string>(expand("@default"));
  for (const line of unitSettings("SystemCallFilter")) {
    for (const name of line.replace(/^~/, "").split(" ")) {
      for (const call of expand(name)) {
        if (line.startsWith("~")) allowed.delete(call);
        else allowed.add(call);
      }
    }
  }
  return [...allowed];
}

function expand(name: string): string[] {
  if (!name.startsWith("@")) return [name];
  const text = execFileSync("systemd-analyze", ["--no-pager", "syscall-filter", name], { encoding: "utf8" });
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap(expand);
}
