/**
 * Writes the Prisma client to prisma/generated, unless it is newer than the schema.
 *
 * `prisma generate` wants to download a schema engine that it does not need here; any executable in its place keeps it
 * offline. Hazard: with that variable `prisma migrate` does nothing and exits with 0.
 */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function generatePrismaClient(): void {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const schema = `${root}prisma/schema.prisma`;
  const client = `${root}prisma/generated/client.ts`;
  if (existsSync(client) && statSync(client).mtimeMs > statSync(schema).mtimeMs) return;
  const prisma = fileURLToPath(import.meta.resolve("prisma/package.json")).replace(/package\.json$/, "build/index.js");
  const result = spawnSync(process.execPath, [prisma, "generate"], {
    cwd: root,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: "1" },
    encoding: "utf8",
  });
  if (result.status !== 0) {
    throw new Error(`prisma generate failed. Run \`npm ci\` and try again.\n${result.stdout}${result.stderr}`);
  }
}

if (import.meta.main) generatePrismaClient();
