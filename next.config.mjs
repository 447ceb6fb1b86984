const basePath = (process.env.BASE_PATH ?? "").replace(/\/+$/, "");

/** @type {import("next").NextConfig} */
export default {
  basePath,
  env: { NEXT_PUBLIC_BASE_PATH: basePath },
  poweredByHeader: false,
  serverExternalPackages: ["pg", "graphql", "prom-client", "pino"],
};
