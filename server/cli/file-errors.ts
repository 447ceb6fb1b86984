/** Why a file cannot be read or written, in words. Node tells a code, and a system call that nobody has asked for. */

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EDQUOT: "this user's quota is used up",
  EFBIG: "it would be too large",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no folder",
  EPERM: "this user may not",
  EROFS: "its file system is read-only",
};

/** `missing`: what ENOENT means here. */
function reasonOf(error: unknown, missing: string): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const reason = code === "ENOENT" ? missing : REASONS[code];
  return reason === undefined ? message : `${reason} (${code})`;
}

/** `what`: a file, or what begins a sentence. */
export function whyNotRead(what: string, error: unknown): string {
  return `${what} cannot be read: ${reasonOf(error, "there is no such file")}.`;
}

/** The same of what cannot be written. */
export function whyNotWritten(what: string, error: unknown): string {
  return `${what} cannot be written: ${reasonOf(error, "there is no such folder")}.`;
}
