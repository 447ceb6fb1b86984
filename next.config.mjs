import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PHASE_DEVELOPMENT_SERVER } from "next/constants.js";
import { pagesFolder } from "./server/process/pages-folder.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
const basePath = process.env.BASE_PATH ?? "";
const distDir = pagesFolder(basePath);

/** @type {(phase: string) => import("next").NextConfig} */
export default (phase) => ({
  basePath,
  // Files that end in .dev.tsx are pages in development only.
  pageExtensions: phase === PHASE_DEVELOPMENT_SERVER ? ["dev.tsx", "tsx", "ts"] : ["tsx", "ts"],
  distDir,
  env: { NEXT_PUBLIC_BASE_PATH: basePath },
  // The server has the one engine. A page that bundled these packages would get a second one.
  serverExternalPackages: ["pg", "graphql", "@prometheus-io/client", "pino"],
  turbopack: { root },
  typescript: {
    // `npm run check` checks the types of everything at once.
    ignoreBuildErrors: true,
    // Next writes the folder of its generated types into the file that it is given.
    tsconfigPath: basePath === "" ? "tsconfig.json" : `${distDir}.tsconfig.json`,
  },
  poweredByHeader: false,
  devIndicators: false,
  experimental: {
    // A link that is followed while the server does not answer waits for it, instead of showing the browser's error page.
    useOffline: true,
    // Filling the cache is a quarter of a build's work. Most people build once.
    turbopackFileSystemCacheForBuild: existsSync(`${root}${distDir}/BUILD_ID`),
    // Nobody reads them: the browser gets none, and the server runs without them.
    turbopackSourceMaps: false,
  },
  images: { unoptimized: true },
  // A browser asks for this when it finds no icon in the page, as for a moment while one page replaces another.
  rewrites: async () => [{ source: "/favicon.ico", destination: "/icon.svg" }],
});
