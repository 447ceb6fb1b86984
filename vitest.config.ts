import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Files that take long come first, so that no worker is left with one at the end. The very first builds the pages, which
 * takes a minute; the others that need them come when they are built.
 */
const FIRST = [
  "test/e2e/pages",
  "test/guarantees/",
  "test/operations/jobs",
  "test/operations/patient-jobs",
  "test/e2e/",
  "test/conformance/",
  "test/model/",
  "test/cli/",
  "test/embedded-postgres/",
  "test/kvs/redis",
];

/**
 * The same guarantees once more, on a Redis Cluster, or with processes that are killed at random moments for longer.
 * They take a third of the time of all tests. `.ci/run` runs them too.
 */
const THOROUGH = [
  "test/guarantees/killed-jobs.test.ts",
  "test/guarantees/killed-movers-cluster.test.ts",
  "test/guarantees/killed-movers-redis.test.ts",
  "test/guarantees/queue-moves-cluster.test.ts",
  "test/guarantees/redis-cluster-faults.test.ts",
  "test/guarantees/sick-cluster.test.ts",
];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = FIRST.findIndex((part) => moduleId.includes(part));
      return at < 0 ? FIRST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@(?=\/)/, replacement: here(".").replace(/\/$/, "") },
      // Node gives everybody graphql's main file. Without this line Vite gives our files its other one, and the two do
      // not know each other's types.
      { find: /^graphql$/, replacement: here("./node_modules/graphql/index.js") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [
      // It needs a build of the pages of its own, which takes a tenth of the time of all tests. `.ci/run` runs it.
      ...(process.env.WITH_BASE_PATH === undefined ? ["test/e2e/base-path.test.ts"] : []),
      // It packs, which builds the pages twice, and installs from the registry. `.ci/run` runs it.
      ...(process.env.WITH_PACKAGE === undefined ? ["test/cli/package.test.ts"] : []),
      // It installs a small Debian and all packages twice.
      ...(process.env.WITH_IMAGE === undefined ? ["test/deploy/image/image.test.ts"] : []),
      ...(process.env.THOROUGH === undefined ? THOROUGH : []),
    ],
    globalSetup: "test/support/global-setup.ts",
    pool: "forks",
    // Most of the time of the long files is waiting: three keep two cores busy.
    maxWorkers: 3,
    // Importing the server again for each file took a fifth of the time.
    isolate: false,
    sequence: { sequencer: LongFirst },
    // A busy machine is slow, not wrong.
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
});
