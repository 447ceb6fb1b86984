import { fileURLToPath } from "node:url";
import { pagesFolder } from "./server/process/pages-folder.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
const basePath = process.env.BASE_PATH ?? "";
const distDir = pagesFolder(basePath);

/** @type {import("next").NextConfig} */
export default {
  basePath,
  distDir,
  env: { NEXT_PUBLIC_BASE_PATH: basePath },
  // The engine lives in the server, once; a page that pulled these in would open a second one.
  serverExternalPackages: ["pg", "graphql", "@prometheus-io/client", "pino"],
  turbopack: { root },
  typescript: {
    // `npm run check` does it, for everything at once.
    ignoreBuildErrors: true,
    // Next writes the folder of its generated types into the file that it is given.
    tsconfigPath: basePath === "" ? "tsconfig.json" : `${distDir}.tsconfig.json`,
  },
  poweredByHeader: false,
  devIndicators: false,
  // A link that is followed while the server is away waits for it, instead of leaving the page for the browser's error
  // page.
  experimental: { useOffline: true },
  images: { unoptimized: true },
};
