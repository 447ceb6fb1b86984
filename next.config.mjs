import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PHASE_DEVELOPMENT_SERVER } from "next/constants.js";

const root = fileURLToPath(new URL(".", import.meta.url));
const basePath = process.env.BASE_PATH ?? "";

/** @type {(phase: string) => import("next").NextConfig} */
export default (phase) => {
  const isDevelopment = phase === PHASE_DEVELOPMENT_SERVER;
  // The build writes this folder's name into the pages: server/process/pages-folder.ts must agree.
  const distDir = basePath === "" || isDevelopment ? ".next" : ".build/pages";
  return {
    basePath,
    // Files that end in .dev.tsx are pages in development only.
    pageExtensions: isDevelopment ? ["dev.tsx", "tsx", "ts"] : ["tsx", "ts"],
    distDir,
    env: { NEXT_PUBLIC_BASE_PATH: basePath },
    turbopack: { root },
    typescript: {
      // `npm run check` checks the types of everything at once.
      ignoreBuildErrors: true,
      // Next writes the folder of its generated types into the file that it is given.
      tsconfigPath: distDir === ".next" ? "tsconfig.json" : `${distDir}.tsconfig.json`,
    },
    poweredByHeader: false,
    devIndicators: false,
    experimental: {
      // A link that is followed while the server does not answer waits for it, instead of showing the browser's error
      // page.
      useOffline: true,
      // Filling the cache is a quarter of a build's work. Most people build once.
      turbopackFileSystemCacheForBuild: existsSync(`${root}${distDir}/BUILD_ID`),
      // Nobody reads them: the browser gets none, and the server runs without them.
      turbopackSourceMaps: false,
    },
    images: { unoptimized: true },
    // A browser asks for this when it finds no icon in the page, as for a moment while one page replaces another.
    rewrites: async () => [{ source: "/favicon.ico", destination: "/icon.svg" }],
  };
};
