/** A small file system that a test can fill. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  folder: string;
  /** Fills it to the last byte. */
  fill(): void;
  free(): void;
  /** Unmounts it. Call it when no process uses it any more. */
  remove(): void;
}

/** Mounts one. Null when this user may not mount. */
export function mountSmallDisk(megabytes: number): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), "isimud-disk-"));
  const options = `size=${megabytes}m,mode=0755`;
  if (spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status !== 0) {
    rmdirSync(folder);
    return null;
  }
  const filler = join(folder, "filler");
  const chunk = Buffer.alloc(4096);
  return {
    folder,
    fill() {
      try {
        for (;;) writeFileSync(filler, chunk, { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    free: () => rmSync(filler),
    remove() {
      spawnSync("umount", ["--lazy", folder]);
      rmdirSync(folder);
    },
  };
}
