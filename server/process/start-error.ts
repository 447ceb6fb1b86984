import { IS_CHECKOUT, ROOT } from "./checkout.ts";

/** Why the service cannot start, and what to do about it. The terminal shows its message as it is, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/**
 * An error as text for the terminal: with the way out where there is one, with its stack when it is a defect of ours.
 */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    const wayOut = IS_CHECKOUT ? `Run \`npm ci --include=dev\` in ${ROOT}` : "Install Isimud again";
    return `${message}\nAn npm package is missing. ${wayOut} and start again.`;
  }
  if (port !== undefined && code === "EADDRINUSE") {
    return `PORT is ${port}, but another program listens on ${address}:${port}. Stop it, or set PORT to another number.`;
  }
  if (port !== undefined && code === "EACCES") {
    return `PORT is ${port}, but this user may not listen there. Set PORT to a number from 1024 to 65535.`;
  }
  if (code === "EADDRNOTAVAIL")
    return `HOST is ${address}, but this machine has no such address. Set HOST to another one.`;
  if (code === "EACCES" || code === "EROFS") {
    return `${message}\nThis user may not write there. Start as the user that owns it, or set DATA_DIR to a folder of your own.`;
  }
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "28P01" || code === "3D000") {
    return `${message}\nThe database of DATABASE_URL is unreachable or refuses the connection. Start it, or correct the URL.`;
  }
  if (["ConfigError", "StartError", "CommandError", "DomainError"].includes(error.name)) {
    return error.cause instanceof Error ? `${message}\n${error.cause.message}` : message;
  }
  return error.stack ?? message;
}
