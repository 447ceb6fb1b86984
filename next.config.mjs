import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
// Inlined at build: BASE_PATH is part of the build's fingerprint (server/build.ts).
const basePath = process.env.BASE_PATH ?? "";

/** @type {import("next").NextConfig} */
export default {
  basePath,
  env: { NEXT_PUBLIC_BASE_PATH: basePath },
  // The engine lives in the server, once; a page that pulled these in would open a second one.
  serverExternalPackages: ["pg", "graphql", "prom-client", "pino"],
  turbopack: { root },
  // `npm run check` does it, for everything at once.
  typescript: { ignoreBuildErrors: true },
  poweredByHeader: false,
  devIndicators: false,
  images: { unoptimized: true },
};
