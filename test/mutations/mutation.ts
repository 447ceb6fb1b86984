/** A guarantee, one line of the source whose change breaks it, and the test that must notice. */
export interface Mutation {
  guarantee: string;
  /** Path from the top of the project. */
  file: string;
  /** Stands in the file exactly once. */
  from: string;
  to: string;
  /** A test file, and the test's own name in it. */
  test: { file: string; name: string };
}

export const drivers = (name: string) => ({ file: "test/conformance/drivers.test.ts", name });
export const dataPlane = (name: string) => ({ file: "test/guarantees/data-plane.test.ts", name });
export const control = (name: string) => ({ file: "test/conformance/control-drivers.test.ts", name });
export const pooling = (file: string, name: string) => ({ file: `test/storage/pooling/${file}.test.ts`, name });
export const moves = (name: string) => ({ file: "test/guarantees/queue-moves.test.ts", name });
export const jobs = (name: string) => ({ file: "test/operations/jobs.test.ts", name });
export const movesOf = (name: string) => ({ file: "test/conformance/queue-moves.test.ts", name });
export const api = (file: string, name: string) => ({ file: `test/graphql/${file}.test.ts`, name });
export const history = (file: string, name: string) => ({ file: `test/history/${file}.test.ts`, name });

export const POSTGRES = "server/storage/postgres";
export const REDIS = "server/storage/redis";
