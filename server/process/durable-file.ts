/** Writes files so that a power cut leaves either the old content or the new one. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file that only this user may read. It is on disk when this returns. A crash before that leaves the old
 * content, and perhaps a file with the additional ending `.new`, which the next write replaces.
 */
export function writeDurably(file: string, text: string): void {
  const unfinished = `${file}.new`;
  const descriptor = openSync(unfinished, "w", 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameDurably(unfinished, file);
}

/** Renames a file or folder within one folder. The new name is on disk when this returns. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  // Windows cannot open a folder, and its file system writes names in order.
  if (process.platform === "win32") return;
  const folder = openSync(dirname(to), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
